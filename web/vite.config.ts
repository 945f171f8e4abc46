import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { build, defineConfig, type Plugin, type Rolldown } from "vite";

// The address of a daemon (or of `npm run mock`) that `npm run dev` sends API requests to.
const daemon = process.env.TRACKD_DEV_DAEMON ?? "http://127.0.0.1:5199";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const FRAMES = ["vega", "plotly", "bokeh", "molecule"] as const;
type FrameName = (typeof FRAMES)[number];

// As the daemon serves frames (docs/records.md), for the development server.
const FRAME_POLICY =
  "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; " +
  "img-src data: blob:; font-src data:; worker-src blob:; connect-src 'none'; form-action 'none'; base-uri 'none'; " +
  "frame-ancestors 'self'";

/** The script with all escaped that would end its element or hide its end; inside of strings the texts mean the same. */
const escaped = (script: string) => script.replace(/<(?=\/script|script|!--)/gi, "\\x3C");

/** Builds a frame into one HTML file: it stands on an opaque origin and may load nothing, so its script is in the file. */
async function makeFrame(name: FrameName): Promise<string> {
  const result = (await build({
    configFile: false,
    publicDir: false,
    logLevel: "warn",
    // The main file of this package is its development build, ten times as large.
    resolve: { alias: { "3dmol": here("node_modules/3dmol/build/3Dmol.es6-min.js") } },
    build: {
      write: false,
      target: "es2022",
      modulePreload: false,
      reportCompressedSize: false,
      chunkSizeWarningLimit: Infinity,
      rolldownOptions: {
        input: here(`frames/${name}.ts`),
        output: { format: "iife" },
        // 3Dmol evaluates its own source for workers that are never started here.
        checks: { eval: false },
      },
    },
  })) as Rolldown.RolldownOutput;
  const [chunk, ...others] = result.output;
  if (others.length > 0) throw new Error(`frame '${name}' is built into ${result.output.length} files; it must be one`);
  const page = readFileSync(here("frames/frame.html"), "utf8");
  return page.replace("<script></script>", () => `<script>${escaped(chunk.code)}</script>`);
}

/** Adds the frames to the built app, and while it is developed serves each, built when first asked for. */
function frames(): Plugin {
  return {
    name: "trackd-frames",
    async generateBundle() {
      for (const name of FRAMES) {
        this.emitFile({ type: "asset", fileName: `frames/${name}.html`, source: await makeFrame(name) });
      }
    },
    configureServer(server) {
      const made = new Map<FrameName, Promise<string>>();
      server.middlewares.use("/frames", (request, response, next) => {
        const name = FRAMES.find((one) => request.url === `/${one}.html`);
        if (!name) return next();
        const page = made.get(name) ?? makeFrame(name);
        made.set(name, page);
        page.then((text) => {
          response.writeHead(200, { "Content-Type": "text/html", "Content-Security-Policy": FRAME_POLICY }).end(text);
        }, next);
      });
    },
  };
}

// What an exported page has in place of the daemon, the browser's address and the like: modules of `src/` by those of `src/export/`.
const EXPORT_SEAMS: Readonly<Record<string, string>> = {
  "api/live.ts": "live.ts",
  "api/resource.ts": "resource.ts",
  "api/transport.ts": "transport.ts",
  "app/exported.ts": "exported.ts",
  "chart/open_worker.ts": "open_worker.ts",
  "media/open_spectrogram_worker.ts": "open_spectrogram_worker.ts",
  "url/href.ts": "href.ts",
};
// three.js is as large as all the rest: only files with a scene in them have it.
const SCENE = "scene/ScenePanel.tsx";

function exportSeams(hasScene: boolean): Plugin {
  const seams = hasScene ? EXPORT_SEAMS : { ...EXPORT_SEAMS, [SCENE]: "NoScenePanel.tsx" };
  const byPath = new Map(Object.entries(seams).map(([from, to]) => [here(`src/${from}`), here(`src/export/${to}`)]));
  return {
    name: "trackd-export-seams",
    enforce: "pre",
    async resolveId(source, importer) {
      if (source === "wouter/use-browser-location") return here("src/export/browser_location.ts");
      if (!importer || !source.startsWith(".")) return null;
      const found = await this.resolve(source, importer, { skipSelf: true });
      return (found && byPath.get(found.id)) ?? null;
    },
  };
}

/** Builds the app into one script and one style sheet, for pages that are exported (`service/trackd_service/html_export.py`). */
async function makeExport(hasScene: boolean): Promise<{ script: string; style: string }> {
  const result = (await build({
    configFile: false,
    publicDir: false,
    logLevel: "warn",
    plugins: [exportSeams(hasScene), react()],
    define: { location: "trackdPlace" },
    worker: { format: "iife" },
    build: {
      write: false,
      target: "es2022",
      modulePreload: false,
      cssCodeSplit: false,
      reportCompressedSize: false,
      chunkSizeWarningLimit: Infinity,
      rolldownOptions: { input: here("src/export/main.tsx"), output: { format: "iife" } },
    },
  })) as Rolldown.RolldownOutput;
  const scripts = result.output.filter((file) => file.type === "chunk");
  const styles = result.output.filter((file) => file.type === "asset" && file.fileName.endsWith(".css"));
  if (scripts.length !== 1 || result.output.length !== 1 + styles.length) {
    throw new Error(
      `the export is built into ${result.output.map((file) => file.fileName).join(", ")}; it must be one script`,
    );
  }
  return {
    script: escaped(scripts[0].code),
    style: styles.map((file) => (file.type === "asset" ? String(file.source) : "")).join(""),
  };
}

/** Adds what exported pages are made of to the built app. */
function exportedPages(): Plugin {
  return {
    name: "trackd-export",
    async generateBundle() {
      const [plain, scene] = [await makeExport(false), await makeExport(true)];
      this.emitFile({ type: "asset", fileName: "export/page.js", source: plain.script });
      this.emitFile({ type: "asset", fileName: "export/page_with_scenes.js", source: scene.script });
      this.emitFile({ type: "asset", fileName: "export/page.css", source: scene.style });
    },
  };
}

// Libraries of viewers: each is many times what the page may weigh when it is first loaded.
const LATE_LIBRARY = /\/node_modules\/(three|vega|vega-lite|plotly\.js-dist-min|3dmol)\//;

/** Fails the build when a viewer's library has got into what is loaded first. */
function lateLibraries(): Plugin {
  return {
    name: "trackd-late-libraries",
    generateBundle(_options, bundle) {
      const seen = new Set(Object.values(bundle).filter((file) => file.type === "chunk" && file.isEntry));
      for (const chunk of seen) {
        if (chunk.type !== "chunk") continue;
        const library = chunk.moduleIds.find((id) => LATE_LIBRARY.test(id));
        if (library)
          this.error(`${library} is in '${chunk.fileName}', which loads first: import it from a lazy panel only`);
        for (const name of chunk.imports) if (bundle[name]) seen.add(bundle[name]);
      }
    },
  };
}

export default defineConfig({
  base: "/",
  plugins: [react(), lateLibraries(), frames(), exportedPages()],
  // Workers are modules of their own: the page's content security policy allows only files of the same origin.
  worker: { format: "es" },
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    // three.js is one late chunk of about 0.7 MB; `scripts/check_size.mjs` holds what loads first to its budget.
    chunkSizeWarningLimit: 1000,
    modulePreload: { polyfill: false },
    // Which file imports which, for `scripts/check_size.mjs`.
    manifest: true,
    // Building the frames is most of the build, and is meant to be.
    rolldownOptions: { checks: { pluginTimings: false } },
  },
  // The daemon answers only pages of its own address.
  server: {
    proxy: {
      "/api": { target: daemon, ws: true, changeOrigin: true, rewriteWsOrigin: true, headers: { origin: daemon } },
    },
  },
});
