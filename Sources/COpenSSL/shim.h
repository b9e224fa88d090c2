// OpenSSL 3 as Debian ships it. Macros that Swift cannot import stand here as functions, nothing else.
#ifndef POSTROOM_COPENSSL_H
#define POSTROOM_COPENSSL_H
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#endif
