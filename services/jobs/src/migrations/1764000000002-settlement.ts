import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * How far the log was read for ended jobs whose credits are to be settled. Behind it nothing is done twice, and what was
 * not done there is found by its open reservation.
 */
export class Settlement1764000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`create table settlement_checkpoint (
      only_row boolean primary key default true check (only_row),
      position bigint not null
    )`);
    await runner.query('insert into settlement_checkpoint (position) values (0)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table settlement_checkpoint');
  }
}
