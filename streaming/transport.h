// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The bytes of one TCP connection, plain or with TLS.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit::streaming {

// No call blocks.
class Transport {
 public:
  virtual ~Transport() = default;

  enum class Outcome {
    kMoved,  // `bytes` were read or written
    kWouldBlock,
    kEnded,  // the peer sends no more, or the connection is lost
  };
  struct Moved {
    Outcome outcome = Outcome::kMoved;
    size_t bytes = 0;
  };
  virtual Moved Read(std::span<char> into) = 0;
  // Writes `head` and then `body`; may write only a part of them.
  virtual Moved Write(std::string_view head, std::string_view body) = 0;
  // The same with a body in a pipe: moves its pages instead of copying them (splice(2)). Only if
  // can_splice().
  virtual bool can_splice() const { return false; }
  virtual Moved Splice(std::string_view head, int pipe, size_t bytes);
  // Ends our direction: nothing more is sent.
  virtual void EndWriting() = 0;
  // Ends both directions at once, even in the middle of a frame.
  void Abort() const;
  virtual int fd() const = 0;
};

std::unique_ptr<Transport> PlainTransport(UniqueFd socket);

// The server's certificate. Shared by all connections.
class TlsContext {
 public:
  // PEM files: a certificate chain and its private key.
  static Result<TlsContext> Load(const std::string& certificate_file, const std::string& key_file);

  std::unique_ptr<Transport> Accept(UniqueFd socket) const;

 private:
  explicit TlsContext(std::shared_ptr<SSL_CTX> context) : context_(std::move(context)) {}

  std::shared_ptr<SSL_CTX> context_;
};

}  // namespace davit::streaming
