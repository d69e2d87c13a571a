import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A dead letter belongs to an event and an endpoint, not to one of the deliveries between them; it is looked up by these. */
export class IndexDeadLettersByEvent1763803000000 implements MigrationInterface {
  /** There may be many; workers go on writing them meanwhile. */
  readonly transaction = false;

  async up(queryRunner: QueryRunner): Promise<void> {
    // What was cut off half-way left an index that is not valid.
    await queryRunner.query(`DROP INDEX CONCURRENTLY IF EXISTS dead_letters_event_id_endpoint_id_idx`);
    await queryRunner.query(
      `CREATE INDEX CONCURRENTLY dead_letters_event_id_endpoint_id_idx ON dead_letters (event_id, endpoint_id)`,
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP INDEX dead_letters_event_id_endpoint_id_idx`);
  }
}
