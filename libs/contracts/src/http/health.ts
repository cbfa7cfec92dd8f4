import { Equals } from 'class-validator';

export class LiveAnswer {
  @Equals('live')
  status!: 'live';
}

export class ReadyAnswer {
  @Equals('ready')
  status!: 'ready';

  @Equals('connected')
  nats!: 'connected';

  @Equals('usable')
  asset_store!: 'usable';
}
