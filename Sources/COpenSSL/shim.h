// OpenSSL 3 as Debian ships it. Macros that Swift cannot import stand here as functions, nothing else.
#ifndef POSTROOM_COPENSSL_H
#define POSTROOM_COPENSSL_H
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

static inline int postroom_SSL_CTX_set_min_proto_version(SSL_CTX *ctx, int version) {
  return SSL_CTX_set_min_proto_version(ctx, version);
}
// No renegotiation, no compression, the server's choice of cipher.
static inline void postroom_SSL_CTX_set_options(SSL_CTX *ctx) {
  SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                               SSL_OP_PRIORITIZE_CHACHA);
}
static inline long postroom_SSL_CTX_set_mode(SSL_CTX *ctx, long mode) { return SSL_CTX_set_mode(ctx, mode); }
static inline long postroom_SSL_CTX_set_session_cache_mode(SSL_CTX *ctx, long mode) {
  return SSL_CTX_set_session_cache_mode(ctx, mode);
}
static inline long postroom_SSL_CTX_set_dh_auto(SSL_CTX *ctx, long on) { return SSL_CTX_set_dh_auto(ctx, on); }
static inline long postroom_SSL_CTX_set_servername_callback(SSL_CTX *ctx, int (*callback)(SSL *, int *, void *)) {
  return SSL_CTX_set_tlsext_servername_callback(ctx, callback);
}
static inline long postroom_SSL_set_tlsext_host_name(SSL *ssl, const char *name) {
  return SSL_set_tlsext_host_name(ssl, name);
}
// For DANE-EE the TLSA record alone decides: neither names nor dates count (RFC 7672 §3.1.1).
static inline void postroom_SSL_dane_ignore_EE_names(SSL *ssl) {
  SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
}
static inline int postroom_SSL_set_app_data(SSL *ssl, void *data) { return SSL_set_app_data(ssl, data); }
static inline void *postroom_SSL_get_app_data(const SSL *ssl) { return SSL_get_app_data(ssl); }
static inline void postroom_BIO_set_retry_read(BIO *bio) { BIO_set_retry_read(bio); }
static inline void postroom_BIO_clear_retry_flags(BIO *bio) { BIO_clear_retry_flags(bio); }
static inline long postroom_BIO_get_mem_data(BIO *bio, char **data) { return BIO_get_mem_data(bio, data); }
static inline int postroom_X509_NAME_print(BIO *bio, const X509_NAME *name) {
  return X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253);
}
static inline int postroom_EVP_PKEY_PUBLIC_KEY(void) { return EVP_PKEY_PUBLIC_KEY; }
static inline EVP_PKEY *postroom_EVP_EC_gen(const char *curve) { return EVP_EC_gen(curve); }
static inline int postroom_GENERAL_NAME_count(const GENERAL_NAMES *names) { return sk_GENERAL_NAME_num(names); }
static inline GENERAL_NAME *postroom_GENERAL_NAME_at(const GENERAL_NAMES *names, int index) {
  return sk_GENERAL_NAME_value(names, index);
}
static inline int postroom_GENERAL_NAME_type(const GENERAL_NAME *name) { return name->type; }
static inline const ASN1_STRING *postroom_GENERAL_NAME_string(const GENERAL_NAME *name) {
  switch (name->type) {
  case GEN_DNS: return name->d.dNSName;
  case GEN_IPADD: return name->d.iPAddress;
  default: return NULL;
  }
}
#endif
