import type { Command } from 'commander';
import { environment } from '../failure.ts';
import { renderJson } from '../output.ts';
import { conflistSchema } from '../schema/conflist-schema.ts';
import type { World } from '../world.ts';

/** `schema`: what a conflist may say, for editors. */
export function addSchemaCommand(program: Command, world: World): void {
  program
    .command('schema')
    .description('print the JSON Schema of a conflist, for editors that complete and check')
    .addHelpText(
      'after',
      '\nExample:\n  flatnetctl schema > flatnet.schema.json\n  and in settings.json of VS Code:\n  "json.schemas": [{ "fileMatch": ["*.conflist"], "url": "./flatnet.schema.json" }],\n  "files.associations": { "*.conflist": "json" }',
    )
    .action(() => {
      if (world.pluginSchemas === undefined) throw environment('this build holds no plugins', 'npm run build');
      world.out(renderJson(conflistSchema(world.pluginSchemas)));
    });
}
