import "dotenv/config";
import { createServer } from "node:http";
import { WebSocketServer } from "ws";
import { check } from "./token.mjs";

const secret = process.env.JWT_SECRET;
const port = Number(process.env.PORT ?? 3001);
const origins = (process.env.CORS_ORIGIN ?? "").split(",");
if (!secret) throw new Error("JWT_SECRET is not set");

const server = createServer((request, response) => {
  const found = request.url === "/health";
  response.writeHead(found ? 200 : 404, { "content-type": "application/json" });
  response.end(JSON.stringify(found ? { status: "ok", websocket: "/ws", port } : { error: "no such page" }));
});

const sockets = new WebSocketServer({ server, path: "/ws" });
sockets.on("connection", (socket, request) => {
  socket.on("error", (problem) => console.error(problem.message)); // a broken frame ends one socket only
  const { origin } = request.headers;
  if (origin && !origins.includes(origin)) return socket.close(4403, "origin not allowed");
  const token = new URL(request.url, "ws://localhost").searchParams.get("token");
  const claims = check(token, secret);
  if (!claims) return socket.close(4401, "token refused");
  socket.on("message", (data) => {
    for (const other of sockets.clients) other.send(`${claims.sub}: ${data}`);
  });
});

server.listen(port, "localhost", () => console.log(`listening on ${port}`));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(0));
