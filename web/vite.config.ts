import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The address of a daemon (or of `npm run mock`) that `npm run dev` sends API requests to.
const daemon = process.env.TRACKD_DEV_DAEMON ?? "http://127.0.0.1:5199";

export default defineConfig({
  base: "/",
  plugins: [react()],
  // Workers are modules of their own: the page's content security policy allows only files of the same origin.
  worker: { format: "es" },
  build: { target: "es2022", assetsInlineLimit: 0, reportCompressedSize: false, modulePreload: { polyfill: false } },
  server: { proxy: { "/api": { target: daemon, ws: true } } },
});
