import { defineConfig } from "vite";

export default defineConfig({
  // devstack passes --port and --strictPort; a drifted port would be a page nobody opens.
  server: { host: "localhost" },
});
