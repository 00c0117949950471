import { defineConfig } from 'vite';

// dist/widget.js: one classic script that carries its code and its styles, for any page to embed.
export default defineConfig({
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  publicDir: false,
  build: {
    target: 'es2022',
    outDir: 'dist',
    emptyOutDir: false,
    cssMinify: true,
    lib: { entry: 'src/widget/main.tsx', formats: ['iife'], name: 'kefuWidget', fileName: () => 'widget.js' },
  },
});
