/*
 * SipHash-1-3 with a 64-bit result (Aumasson and Bernstein, "SipHash: a fast short-input PRF",
 * 2012; the 1-3 variant is the one of Rust's and Ruby's hash tables). It keys the order of links,
 * makes entity tags and checks what was read back from a file.
 */
#ifndef SIGNPOST_SIPHASH_H
#define SIGNPOST_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/* Hashes len bytes under a 16-byte key. The result does not depend on the machine's byte order. */
uint64_t siphash(const uint8_t key[16], const void *bytes, size_t len);

#endif
