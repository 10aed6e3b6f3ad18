create table letter (tenant_id bigint not null, id bigint not null, body text not null, primary key (tenant_id, id));
