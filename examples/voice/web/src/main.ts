import { Connection, type Message } from "./connection";

function element<T extends HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as T;
}

const state = element("state");
const presence = element("presence");
const closed = element("close");
const messages = element<HTMLOListElement>("messages");
const form = element<HTMLFormElement>("compose");
const input = element<HTMLInputElement>("text");
const button = form.querySelector("button") as HTMLButtonElement;

// No fallback literals: a missing variable shows here, and in `devstack doctor`, instead of as a silent localhost.
const api: string = import.meta.env.VITE_API_URL;
const endpoint: string = import.meta.env.VITE_WEBSOCKET_URL;
element("endpoint").textContent = endpoint;

function show(message: Message): void {
  if (message.type === "presence") {
    const agents = message.agents === 1 ? "1 agent" : `${message.agents} agents`;
    presence.textContent = `${message.people.join(", ")} · ${agents}`;
  } else if (message.type === "message") {
    const line = document.createElement("li");
    line.dataset.role = message.role;
    const who = document.createElement("b");
    who.textContent = message.from;
    line.append(who, message.text);
    messages.append(line);
    line.scrollIntoView({ block: "end" });
  }
}

const connection = new Connection(api, endpoint, {
  state(name, detail) {
    state.dataset.state = name;
    state.textContent = detail;
    button.disabled = name !== "open";
  },
  message: show,
  closed(code, reason) {
    closed.textContent = reason ? `${code} ${reason}` : String(code);
  },
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = input.value.trim();
  if (!text) return;
  connection.say(text);
  input.value = "";
});

void connection.open(`guest-${Math.random().toString(36).slice(2, 6)}`);
