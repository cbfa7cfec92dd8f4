/** For `node --import`: Node.js runs TypeScript itself, but does not find `x.ts` where the source says `x.js`. */
import { registerHooks } from 'node:module';

registerHooks({
  resolve(specifier, context, next) {
    // What is compiled names its own files rightly.
    const local = specifier.startsWith('.') && specifier.endsWith('.js') && context.parentURL?.endsWith('.ts');
    return next(local ? `${specifier.slice(0, -2)}ts` : specifier, context);
  },
});
