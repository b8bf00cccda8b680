import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The hub serves what is built under /page/, with names that say their content, and the document itself.
export default defineConfig({
  base: "/page/",
  plugins: [react(), tailwindcss()],
  worker: { format: "es", rolldownOptions: { output: { entryFileNames: "[name]-[hash].js" } } },
  build: {
    outDir: "../src/arkitekt_next/hub/pages/built",
    emptyOutDir: true,
    assetsDir: ".",
    assetsInlineLimit: 0, // the policy for content knows no inline scripts, and fonts and workers come from the hub
    modulePreload: { polyfill: false },
    manifest: false,
    sourcemap: false,
  },
  server: { proxy: { "/api": "http://127.0.0.1:8000" } },
});
