/* Byte strings to pointers.  Seeded hash, so that mail cannot choose collisions. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/str.h"

struct map;

struct map *map_new(void);
void map_free(struct map **m);			/* the values are the caller's */
/* The value, or NULL. */
void *map_get(const struct map *m, struct view key);
/* Copies the key.  Returns the value that was replaced, or NULL.  value must not be NULL. */
void *map_set(struct map *m, struct view key, void *value);
/* Returns the value that was removed, or NULL. */
void *map_del(struct map *m, struct view key);
size_t map_count(const struct map *m);
/* Walks in no order: *it begins at 0; false at the end.  No set/del during the walk. */
bool map_next(const struct map *m, size_t *it, struct view *key_r, void **value_r);

#endif
