export * from './import-directions.ts';
