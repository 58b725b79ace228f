export { createCache, type Cache, type CacheOptions } from "@towermill/store";
