import { createHmac } from "node:crypto";

export const dynamic = "force-dynamic";

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

// A token for one minute: long enough to open the socket.
export function GET() {
  const secret = process.env.JWT_SECRET;
  if (!secret) return Response.json({ error: "JWT_SECRET is not set" }, { status: 500 });
  const body = `${encoded({ alg: "HS256", typ: "JWT" })}.${encoded({
    sub: "guest",
    exp: Math.floor(Date.now() / 1000) + 60,
  })}`;
  const signature = createHmac("sha256", secret).update(body).digest("base64url");
  return Response.json({ token: `${body}.${signature}` });
}
