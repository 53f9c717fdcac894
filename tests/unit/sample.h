/*
 * A small registry in memory that tests change as they need, and the ways from it to a policy and
 * to an open snapshot. What is asserted here is not the subject of any test.
 */
#ifndef SIGNPOST_SAMPLE_H
#define SIGNPOST_SAMPLE_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "compile.h"
#include "policy.h"
#include "registry.h"
#include "snapshot.h"
#include "uuid.h"

#define DEVICE  "8f3c5d1e-6324-4d53-ad4f-8cda48b30811"
#define UNKNOWN "8f3c5d1e-6324-4d53-ad4f-8cda48b30812"
#define CORE    "198.51.100.10"
#define CORE_2  "198.51.100.20"
#define ENTRY   "203.0.113.21"
#define ENTRY_2 "203.0.113.22"
#define ROUTE   "entry_" ENTRY "_core_" CORE
#define SERVICE "api.v2.rpc.0123456789abcdef"
/* What a record's text starts with; more fields and the brace follow. */
#define USER         "{\"status\": \"active\", \"core_nodes\": [\"" CORE "\"]"
#define ACTIVE       "{\"status\": \"active\""
#define ACTIVE_ROUTE ACTIVE ", \"client_service_name\": \"" SERVICE "\""

/* One record: its file's name and content. */
struct sample_file {
    enum kind kind;
    const char *name; /* NULL: the end of a list */
    const char *text; /* NULL: there is no such file */
};

/* A list of records for the functions below. */
#define FILES(...)                \
    (const struct sample_file[])  \
    {                             \
        __VA_ARGS__,              \
        {                         \
            KIND_USER, NULL, NULL \
        }                         \
    }

static const struct sample_file sample_base[] = {
    {KIND_USER, "7.json",
     "{\"id\": 7, \"username\": \"Ivan\", \"status\": \"active\", \"core_nodes\": [\"" CORE "\"]}"},
    {KIND_DEVICE, DEVICE ".json",
     "{\"uuid\": \"" DEVICE "\", \"user_id\": 7, \"device\": \"phone\", \"status\": \"active\"}"},
    {KIND_ROUTE, ROUTE ".json",
     "{\"entry_ip\": \"" ENTRY "\", \"core_ip\": \"" CORE "\", \"status\": \"active\", "
     "\"client_service_name\": \"" SERVICE "\", \"core_service_name\": \"api.v2.rpc.c0de\"}"},
    {KIND_DOMAIN, "shop.example.org.json",
     "{\"domain\": \"shop.example.org\", \"node_ip\": \"" ENTRY "\", \"status\": \"active\"}"},
    {KIND_USER, NULL, NULL},
};

static inline void
sample_add(struct registry *registry, enum kind kind, const char *name, const char *text)
{
    struct error error;

    assert_int_equal(
        0, registry_put(registry,
                        &(struct registry_file){
                            .kind = kind, .name = name, .bytes = text, .len = strlen(text)},
                        NULL, &error));
}

/* Adds every record of a list. */
static inline void
sample_add_all(struct registry *registry, const struct sample_file *files)
{
    for (; files->name != NULL; files++)
        if (files->text != NULL)
            sample_add(registry, files->kind, files->name, files->text);
}

/* Makes the base registry with changes: a file of the same kind and name replaces that one. */
static inline void
sample_registry(struct registry *registry, const struct sample_file *changes)
{
    const struct sample_file *base, *change;

    registry_init(registry);
    for (base = sample_base; base->name != NULL; base++) {
        for (change = changes; change->name != NULL; change++)
            if (change->kind == base->kind && strcmp(change->name, base->name) == 0)
                break;
        if (change->name == NULL)
            sample_add(registry, base->kind, base->name, base->text);
    }
    sample_add_all(registry, changes);
    registry_sort(registry, NULL);
}

/* The endpoint with an id; it must be there. */
static inline const struct endpoint *
sample_endpoint(const struct policy *policy, const char *id)
{
    size_t i;

    for (i = 0; i < policy->count; i++)
        if (strcmp(policy->endpoints[i].id, id) == 0)
            return &policy->endpoints[i];
    fail_msg("there is no endpoint '%s'", id);
    return NULL;
}

static inline struct uuid
sample_uuid(const char *text)
{
    struct uuid uuid;

    assert_int_equal(0, uuid_parse(text, strlen(text), &uuid));
    return uuid;
}

/* The same numbers on every run (xorshift, Marsaglia 2003). The seed is not 0. */
static inline uint32_t
sample_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* A directory of its own; the caller removes it. */
static inline void
sample_directory(char *path, size_t size)
{
    const char *base = getenv("TMPDIR");

    snprintf(path, size, "%s/signpost-unit-XXXXXX", base != NULL ? base : "/tmp");
    assert_non_null(mkdtemp(path));
}

/* Files may not grow past size from here on; the signal for it is ignored. */
static inline void
sample_limit_files(rlim_t size)
{
    struct rlimit limit;

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(0, getrlimit(RLIMIT_FSIZE, &limit));
    limit.rlim_cur = size < limit.rlim_max ? size : limit.rlim_max;
    assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &limit));
}

/* Compiles the registry and opens the snapshot; no file is left. options may be NULL. */
static inline void
sample_open(const struct registry *registry, const struct policy_options *options,
            struct snapshot *snapshot)
{
    struct policy_options defaults = {.core = NULL};
    struct compile_result result;
    char directory[200], path[220];
    struct error error = {.text = ""};

    sample_directory(directory, sizeof(directory));
    snprintf(path, sizeof(path), "%s/s.cdb", directory);
    if (compile_snapshot(registry, options != NULL ? options : &defaults, path, NULL, &result,
                         &error) != 0 ||
        snapshot_open(snapshot, path, &error) != 0)
        fail_msg("%s", error.text);
    unlink(path);
    rmdir(directory);
}

#endif
