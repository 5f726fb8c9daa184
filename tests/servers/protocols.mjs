// socket.io, graphql-transport-ws and hocuspocus-like servers that verify tokens, in one Node process.
// node protocols.mjs SECRET-FILE   prints {"name": port} and lives until its standard input ends.
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer as createHttp } from "node:http";
import { createRequire } from "node:module";

const require = createRequire(new URL("../node/package.json", import.meta.url));
const secret = readFileSync(process.argv[2], "utf8").trim();
const listen = (server) =>
  new Promise((done) => server.listen(0, "127.0.0.1", () => done(server.address().port)));

function isGood(token) {
  try {
    const [header, claims, signature] = token.split(".");
    const wanted = createHmac("sha256", secret).update(`${header}.${claims}`).digest("base64url");
    const { exp, nbf } = JSON.parse(Buffer.from(claims, "base64url"));
    const now = Date.now() / 1000;
    return wanted === signature && exp > now && !(nbf > now);
  } catch {
    return false;
  }
}

const ports = {};
const { Server } = require("socket.io");
const engine = createHttp((_, response) => response.end("app"));
new Server(engine).use((socket, next) =>
  next(isGood(socket.handshake.auth.token ?? "") ? undefined : new Error("not authorised")),
);
ports["socket-io"] = await listen(engine);

const { WebSocketServer } = require("ws");
const graphql = (answer) => {
  const http = createHttp((_, response) => response.writeHead(404).end());
  const handleProtocols = (offered) => (offered.has("graphql-transport-ws") ? "graphql-transport-ws" : false);
  new WebSocketServer({ server: http, path: "/graphql", handleProtocols }).on("connection", (socket) => {
    socket.on("message", (data) => {
      const message = JSON.parse(data);
      if (message.type === "connection_init") answer(socket, isGood(message.payload?.token ?? ""));
    });
  });
  return listen(http);
};
ports["graphql"] = await graphql((socket, good) =>
  good ? socket.send(JSON.stringify({ type: "connection_ack" })) : socket.close(4403, "Forbidden"),
);
ports["graphql-mute"] = await graphql(() => {});

console.log(JSON.stringify(ports));
process.stdin.resume().on("end", () => process.exit(0));
