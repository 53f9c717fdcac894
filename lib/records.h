/*
 * The registry's seven kinds of records: tree -> struct, validated.
 *
 * A record's identity is its file's name; the field inside, where there is one, must agree. A
 * record whose content cannot be read still has its identity, with the status STATUS_UNREADABLE:
 * what is known to be there but not understood is never taken for active.
 */
#ifndef SIGNPOST_RECORDS_H
#define SIGNPOST_RECORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "client.h"
#include "fields.h"
#include "token.h"
#include "uuid.h"

enum status {
    STATUS_ACTIVE,
    STATUS_INACTIVE,
    STATUS_ARCHIVED,
    STATUS_BLOCKED,
    STATUS_WRONG,      /* another word, or none: not active, and reported */
    STATUS_UNREADABLE, /* the file could not be read or parsed */
    STATUS_GONE,       /* there is no such file any more; in a reading of changes only */
};

enum { PRIORITY_DEFAULT = 100, PRIORITY_MAX = 1000000 };

#define EXPIRES_NEVER INT64_MAX

/* What is wrong with a record's file. */
struct trouble {
    int64_t since; /* seconds since the epoch: when it was first seen with an error */
    bool is_kept;  /* the record is an earlier, good version, not what the file says */
    size_t count;
    const struct finding *findings;
    struct strings also; /* paths of more files that claim to be this record */
};

/* What every record starts with. */
struct record {
    const char *path;              /* of its file, relative to the registry; not the identity */
    const struct trouble *trouble; /* NULL: nothing */
    uint64_t facts;   /* of plain files: names their size, times and inode; 0: look again */
    uint64_t content; /* of plain files: names their names and bytes */
    enum status status;
};

struct user {
    struct record record;
    int64_t id;
    int64_t expires;       /* seconds since the epoch, or EXPIRES_NEVER */
    int64_t traffic_limit; /* bytes; 0: none */
    const char *username;  /* NULL if none */
    struct strings cores;  /* core_nodes, in normal form */
    struct strings groups;
};

/* An address of a device that can be taken back (token.h). */
struct token {
    uint8_t hash[TOKEN_HASH];
    int64_t until;               /* seconds since the epoch, or EXPIRES_NEVER: then it ends */
    char start[TOKEN_START + 1]; /* all that may be shown of it; "" where only the hash is known */
};

enum { TOKENS_MAX = 64 }; /* of one device; a rotation takes two */

/* Whether a device's UUID is an address of it. */
enum uuid_address { UUID_ADDRESS_DEFAULT, UUID_ADDRESS_ON, UUID_ADDRESS_OFF };

struct device_addresses {
    enum uuid_address uuid;     /* `uuid_addresses`; by default the setting counts */
    const struct token *tokens; /* `tokens`, sorted by hash, each once */
    size_t count;
};

struct device {
    struct record record;
    struct uuid uuid;
    int64_t user_id;
    const char *name; /* the field `device`; NULL if none */
    /* NULL: nothing is said of them. Of a record that is unreadable: what it says of them all the
     * same; NULL: that cannot be told. */
    const struct device_addresses *addresses;
};

struct node {
    struct record record;
    const char *ip;
    const char *location; /* NULL if none */
};

struct role {
    struct record record;
    const char *id; /* "core_<ip>" or "entry_<ip>", the address in normal form */
};

struct route {
    struct record record;
    const char *id; /* "entry_<ip>_core_<ip>", addresses in normal form */
    const char *entry_ip;
    const char *core_ip;
    int32_t priority;
    const char *name; /* NULL if none */
    struct strings groups;
    struct client client;
    bool is_usable; /* client_check found nothing that cannot work */
};

struct domain {
    struct record record;
    const char *name; /* host name in normal form */
    const char *node_ip;
    int32_t priority;
};

struct endpoint_record {
    struct record record;
    const char *id; /* the file's name */
    int32_t priority;
    const char *name;    /* NULL if none */
    const char *node_ip; /* NULL if none */
    struct strings groups;
    struct client client;
    bool is_usable;
};

enum kind { KIND_USER, KIND_DEVICE, KIND_NODE, KIND_ROLE, KIND_ROUTE, KIND_DOMAIN, KIND_ENDPOINT };

#define KINDS (KIND_ENDPOINT + 1)

/* The word for a status: "active", …, "unknown" for STATUS_WRONG, "unreadable", "gone". */
const char *status_name(enum status status);

/* The kinds' directories, by kind; NULL at the end. */
extern const char *const kind_directories[KINDS + 1];

/* The kind's directory: "users", "devices", … */
const char *kind_directory(enum kind kind);

/* sizeof the kind's struct. */
size_t kind_size(enum kind kind);

/* Orders records of a kind by identity, for qsort and bsearch. */
typedef int record_compare(const void *a, const void *b);
record_compare *kind_compare(enum kind kind);

/*
 * Fills the identity of a record from its file's name without the extension (stem_len bytes);
 * everything else is as for a file that could not be read. The path is kept, not copied. Returns
 * 0, or -1 with error filled when it is no name for this kind.
 */
int record_identify(enum kind kind, const char *path, const char *stem, size_t stem_len,
                    struct pool *pool, void *record, struct error *error);

/*
 * Reads the content of an identified record from its document; findings go to the source's
 * report. On failure the record stays as record_identify left it, but where its status is readable
 * and not active: then that holds, since no earlier version shall bring it back. tree stays the
 * caller's.
 */
void record_read(enum kind kind, const json_t *tree, const struct source *source, struct pool *pool,
                 void *record);

#endif
