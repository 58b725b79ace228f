select 1 as stored;
