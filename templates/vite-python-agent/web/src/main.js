const state = document.querySelector("#state");
const messages = document.querySelector("#messages");

const { token } = await (await fetch(`${import.meta.env.VITE_API_URL}/token`)).json();
const socket = new WebSocket(`${import.meta.env.VITE_WS_URL}?token=${token}`);

socket.addEventListener("open", () => (state.textContent = "open"));
socket.addEventListener("close", (event) => (state.textContent = `closed ${event.code} ${event.reason}`));
socket.addEventListener("message", (event) => {
  const line = document.createElement("li");
  line.textContent = event.data;
  messages.append(line);
});

document.querySelector("#form").addEventListener("submit", (event) => {
  event.preventDefault();
  const input = document.querySelector("#text");
  socket.send(input.value);
  input.value = "";
});
