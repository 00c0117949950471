import { defineConfig } from 'vitest/config';

// The pages. The widget is built by vite.widget.config.ts: it must be one script without imports, which a build of
// several entries cannot give.
export default defineConfig({
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    target: 'es2022',
    outDir: 'dist',
    emptyOutDir: true,
    // A data: URI would need its own source in the content security policy; files are served from the same origin.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: ['help.html', 'desk.html', 'admin.html', 'inbox.html', 'api.html'] },
  },
  // The few tests that need a document say so at their top.
  test: { environment: 'node', include: ['tests/**/*.test.ts'] },
});
