// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "streaming/transport.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/uio.h>

namespace davit::streaming {
namespace {

using Outcome = Transport::Outcome;
using Moved = Transport::Moved;

Moved FromSystem(ssize_t n) {
  if (n > 0) return {Outcome::kMoved, static_cast<size_t>(n)};
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return {Outcome::kWouldBlock, 0};
  return {Outcome::kEnded, 0};
}

class Plain final : public Transport {
 public:
  explicit Plain(UniqueFd socket) : socket_(std::move(socket)) {}

  Moved Read(std::span<char> into) override {
    return FromSystem(TEMP_FAILURE_RETRY(recv(socket_.get(), into.data(), into.size(), 0)));
  }
  Moved Write(std::string_view head, std::string_view body) override {
    iovec parts[2] = {{const_cast<char*>(head.data()), head.size()},
                      {const_cast<char*>(body.data()), body.size()}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    return FromSystem(TEMP_FAILURE_RETRY(sendmsg(socket_.get(), &message, MSG_NOSIGNAL)));
  }
  bool can_splice() const override { return true; }
  Moved Splice(std::string_view head, int pipe, size_t bytes) override {
    ssize_t of_head =
        TEMP_FAILURE_RETRY(send(socket_.get(), head.data(), head.size(), MSG_NOSIGNAL | MSG_MORE));
    if (of_head < static_cast<ssize_t>(head.size())) return FromSystem(of_head);
    size_t moved = head.size();
    while (bytes > 0) {
      ssize_t n = TEMP_FAILURE_RETRY(
          splice(pipe, nullptr, socket_.get(), nullptr, bytes, SPLICE_F_MOVE | SPLICE_F_NONBLOCK));
      if (n <= 0) break;
      bytes -= static_cast<size_t>(n);
      moved += static_cast<size_t>(n);
    }
    return {Outcome::kMoved, moved};
  }
  void EndWriting() override { shutdown(socket_.get(), SHUT_WR); }
  int fd() const override { return socket_.get(); }

 private:
  UniqueFd socket_;
};

class Tls final : public Transport {
 public:
  Tls(UniqueFd socket, SSL* ssl) : socket_(std::move(socket)), ssl_(ssl, SSL_free) {
    SSL_set_fd(ssl_.get(), socket_.get());
    SSL_set_accept_state(ssl_.get());
  }

  Moved Read(std::span<char> into) override {
    ERR_clear_error();
    size_t n = 0;
    return FromSsl(SSL_read_ex(ssl_.get(), into.data(), into.size(), &n), n);
  }
  // One record each: a head is a few bytes, and TLS copies anyway.
  Moved Write(std::string_view head, std::string_view body) override {
    std::string_view part = head.empty() ? body : head;
    ERR_clear_error();
    size_t n = 0;
    return FromSsl(SSL_write_ex(ssl_.get(), part.data(), part.size(), &n), n);
  }
  void EndWriting() override {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    shutdown(socket_.get(), SHUT_WR);
  }
  int fd() const override { return socket_.get(); }

 private:
  Moved FromSsl(int done, size_t n) {
    if (done == 1) return {Outcome::kMoved, n};
    int reason = SSL_get_error(ssl_.get(), done);
    bool waits = reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE;
    return {waits ? Outcome::kWouldBlock : Outcome::kEnded, 0};
  }

  UniqueFd socket_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
};

std::unexpected<Error> TlsError(std::string_view step, const std::string& subject) {
  char text[256] = "";
  ERR_error_string_n(ERR_get_error(), text, sizeof text);
  return Fail(Code::kInvalidArgument, step, subject, text);
}

}  // namespace

Moved Transport::Splice(std::string_view, int, size_t) {
  return {Outcome::kEnded, 0};
}

void Transport::Abort() const {
  shutdown(fd(), SHUT_RDWR);
}

std::unique_ptr<Transport> PlainTransport(UniqueFd socket) {
  return std::make_unique<Plain>(std::move(socket));
}

Result<TlsContext> TlsContext::Load(const std::string& certificate_file, const std::string& key_file) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!context) return TlsError("make TLS context", "streaming");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // What is written again after WANT_WRITE lies elsewhere by then.
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate_file.c_str()) != 1) {
    return TlsError("read TLS certificate", certificate_file);
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context.get()) != 1) {
    return TlsError("read TLS key", key_file);
  }
  return TlsContext(std::move(context));
}

std::unique_ptr<Transport> TlsContext::Accept(UniqueFd socket) const {
  return std::make_unique<Tls>(std::move(socket), SSL_new(context_.get()));
}

}  // namespace davit::streaming
