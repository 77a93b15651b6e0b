/*
 * A hash table with open addressing and linear probing; a removal moves the
 * followers back, so that there are no tombstones and a look-up never gets
 * slower by what was there once.  The hash is SipHash-1-3 (Aumasson, Bernstein
 * 2012) under a random key of each map: mail can choose the keys but not where
 * they fall.  At most three quarters are full; the table does not shrink.
 */
#include "base/map.h"

#include <stdlib.h>

#include "base/crypto.h"
#include "base/mem.h"

#define MAP_MAGIC	0x6d617031u
#define SLOTS_MIN	((size_t)8)

/* value NULL: the slot is free. */
struct slot {
	uint64_t	 hash;
	char		*key;
	size_t		 key_len;
	void		*value;
};

/* Invariant: slot_n is 0 or a power of two; 4 * count <= 3 * slot_n. */
struct map {
	uint32_t	 magic;
	uint64_t	 seed[2];
	struct slot	*slots;
	size_t		 slot_n;
	size_t		 count;
};

static uint64_t
rotl(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] = rotl(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] = rotl(v[2], 32);
}

/* One compression round a word, three to finish. */
static uint64_t
sip_hash(const uint64_t seed[2], struct view key)
{
	uint64_t v[4] = {
		seed[0] ^ UINT64_C(0x736f6d6570736575),
		seed[1] ^ UINT64_C(0x646f72616e646f6d),
		seed[0] ^ UINT64_C(0x6c7967656e657261),
		seed[1] ^ UINT64_C(0x7465646279746573),
	};
	uint64_t	word, last = (uint64_t)key.n << 56;
	size_t		i;

	for (i = 0; i + sizeof(word) <= key.n; i += sizeof(word)) {
		/* In the machine's byte order: the hash never leaves the process. */
		memcpy(&word, key.p + i, sizeof(word));
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	for (int shift = 0; i < key.n; i++, shift += 8)
		last |= (uint64_t)(unsigned char)key.p[i] << shift;
	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int round = 0; round < 3; round++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct map *
map_new(void)
{
	struct map *m = xcalloc(1, sizeof(*m));

	m->magic = MAP_MAGIC;
	random_bytes(m->seed, sizeof(m->seed));
	return m;
}

void
map_free(struct map **mp)
{
	struct map *m = *mp;

	if (m == NULL)
		return;
	CHECK(m, MAP_MAGIC);
	for (size_t i = 0; i < m->slot_n; i++)
		free(m->slots[i].key);
	free(m->slots);
	m->magic = 0;
	free(m);
	*mp = NULL;
}

/* The slot of the key, or the free one where it would go; the table has a free one. */
static size_t
find_slot(const struct map *m, struct view key, uint64_t hash)
{
	size_t mask = m->slot_n - 1, i = hash & mask;

	for (; m->slots[i].value != NULL; i = (i + 1) & mask) {
		const struct slot *s = &m->slots[i];

		if (s->hash == hash && view_eq(view_n(s->key, s->key_len), key))
			break;
	}
	return i;
}

void *
map_get(const struct map *m, struct view key)
{
	CHECK(m, MAP_MAGIC);
	if (m->count == 0)
		return NULL;
	return m->slots[find_slot(m, key, sip_hash(m->seed, key))].value;
}

static void
grow(struct map *m)
{
	size_t		 old_n = m->slot_n;
	struct slot	*old = m->slots;

	m->slot_n = MAX(2 * old_n, SLOTS_MIN);
	m->slots = xcalloc(m->slot_n, sizeof(*m->slots));
	for (size_t i = 0; i < old_n; i++) {
		size_t mask = m->slot_n - 1, to = old[i].hash & mask;

		if (old[i].value == NULL)
			continue;
		while (m->slots[to].value != NULL)
			to = (to + 1) & mask;
		m->slots[to] = old[i];
	}
	free(old);
}

void *
map_set(struct map *m, struct view key, void *value)
{
	uint64_t	 hash;
	struct slot	*s;
	void		*was;

	CHECK(m, MAP_MAGIC);
	assert(value != NULL);
	if (4 * (m->count + 1) > 3 * m->slot_n)
		grow(m);
	hash = sip_hash(m->seed, key);
	s = &m->slots[find_slot(m, key, hash)];
	was = s->value;
	if (was == NULL) {
		s->hash = hash;
		s->key = view_dup(key);
		s->key_len = key.n;
		m->count++;
	}
	s->value = value;
	return was;
}

void *
map_del(struct map *m, struct view key)
{
	size_t	 mask, hole, i;
	void	*was;

	CHECK(m, MAP_MAGIC);
	if (m->count == 0)
		return NULL;
	mask = m->slot_n - 1;
	hole = find_slot(m, key, sip_hash(m->seed, key));
	was = m->slots[hole].value;
	if (was == NULL)
		return NULL;
	free(m->slots[hole].key);
	/* A follower fills the hole unless its home lies behind the hole. */
	for (i = (hole + 1) & mask; m->slots[i].value != NULL; i = (i + 1) & mask) {
		size_t home = m->slots[i].hash & mask;

		if (((i - home) & mask) >= ((i - hole) & mask)) {
			m->slots[hole] = m->slots[i];
			hole = i;
		}
	}
	m->slots[hole] = (struct slot){ 0 };
	m->count--;
	return was;
}

size_t
map_count(const struct map *m)
{
	CHECK(m, MAP_MAGIC);
	return m->count;
}

bool
map_next(const struct map *m, size_t *it, struct view *key_r, void **value_r)
{
	CHECK(m, MAP_MAGIC);
	for (; *it < m->slot_n; (*it)++) {
		const struct slot *s = &m->slots[*it];

		if (s->value == NULL)
			continue;
		*key_r = view_n(s->key, s->key_len);
		*value_r = s->value;
		(*it)++;
		return true;
	}
	return false;
}
