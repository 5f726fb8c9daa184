import { createHmac, timingSafeEqual } from "node:crypto";

// The claims of a valid HS256 token, or null.
export function check(token, secret) {
  const [header, payload, signature] = String(token).split(".");
  if (!signature) return null;
  const expected = createHmac("sha256", secret).update(`${header}.${payload}`).digest();
  const given = Buffer.from(signature, "base64url");
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
  try {
    const { alg } = JSON.parse(Buffer.from(header, "base64url"));
    const claims = JSON.parse(Buffer.from(payload, "base64url"));
    const now = Date.now() / 1000;
    return alg === "HS256" && claims.exp > now && (claims.nbf ?? 0) <= now ? claims : null;
  } catch {
    return null;
  }
}
