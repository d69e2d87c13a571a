import { DefaultNamingStrategy } from 'typeorm';

const snakeCase = (name: string): string =>
  name.replace(/([a-z\d])([A-Z])/g, (_match, before: string, letter: string) => `${before}_${letter}`).toLowerCase();

/** Columns in snake case, so that raw SQL and entities speak of the same names. */
export class SnakeNamingStrategy extends DefaultNamingStrategy {
  override columnName(propertyName: string, customName: string | undefined): string {
    return customName ?? snakeCase(propertyName);
  }
}
