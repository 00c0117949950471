import { defineConfig } from 'vite';

// dist/voice.js: a module that the widget loads when the customer first presses the microphone.
export default defineConfig({
  publicDir: false,
  build: {
    target: 'es2022',
    outDir: 'dist',
    emptyOutDir: false,
    lib: { entry: 'src/voice/voice.ts', formats: ['es'], fileName: () => 'voice.js' },
  },
});
