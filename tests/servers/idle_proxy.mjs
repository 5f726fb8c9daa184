// A reverse proxy that drops connections on which nothing was sent for a while: node idle_proxy.mjs BACKEND-PORT MS
// Prints its port, lives until its standard input ends.
import { connect, createServer } from "node:net";

const [backend, patience] = process.argv.slice(2).map(Number);
const proxy = createServer((client) => {
  const server = connect(backend, "127.0.0.1");
  const end = () => (client.destroy(), server.destroy());
  for (const [from, to] of [[client, server], [server, client]]) {
    from.setTimeout(patience, end);
    from.on("data", (data) => (to.write(data), client.setTimeout(patience), server.setTimeout(patience)));
    from.on("close", end).on("error", end);
  }
});
proxy.listen(0, "127.0.0.1", () => console.log(proxy.address().port));
process.stdin.resume().on("end", () => process.exit(0));
