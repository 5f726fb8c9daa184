// Real dev servers and socket.io in one Node process; prints {"name": port} and lives until its standard input ends.
import { createServer as createHttp } from "node:http";
import { createRequire } from "node:module";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const require = createRequire(new URL("../node/package.json", import.meta.url));
const listen = (server) =>
  new Promise((done) => server.listen(0, "127.0.0.1", () => done(server.address().port)));
const freePort = async () => {
  const probe = createHttp();
  const port = await listen(probe);
  await new Promise((done) => probe.close(done));
  return port;
};

const ports = {};
const root = mkdtempSync(join(tmpdir(), "devstack-frontends-"));
writeFileSync(join(root, "index.html"), "<!doctype html><title>page</title>");
const { createServer } = await import(require.resolve("vite").replace("index.cjs", "node/index.js"));
const vite = async (hmr) => {
  const port = await freePort();
  const server = await createServer({
    root,
    configFile: false,
    logLevel: "silent",
    server: { port, strictPort: true, host: "127.0.0.1", ...(hmr ? { hmr: { port: hmr } } : {}) },
  });
  await server.listen();
  return port;
};
ports["vite-page"] = await vite(null);
ports["vite-hmr"] = await freePort();
ports["vite-beside-hmr"] = await vite(ports["vite-hmr"]);

const { Server } = require("socket.io");
const http = createHttp((_, response) => response.end("app"));
new Server(http, { cors: { origin: "*" } });
ports["socket-io"] = await listen(http);

const { WebSocketServer } = require("ws");
const app = createHttp((_, response) => response.writeHead(404).end());
new WebSocketServer({ server: app, path: "/ws" });
ports["ws-with-path"] = await listen(app);
const greeting = createHttp((_, response) => response.writeHead(404).end());
new WebSocketServer({ server: greeting }).on("connection", (socket) => {
  socket.send(JSON.stringify({ type: "connected" }));
});
ports["app-that-greets"] = await listen(greeting);
const verifying = createHttp();
new WebSocketServer({ server: verifying, verifyClient: (_, done) => done(false, 401, "Unauthorized") });
ports["verify-client"] = await listen(verifying);

console.log(JSON.stringify(ports));
process.stdin.resume().on("end", () => process.exit(0));
