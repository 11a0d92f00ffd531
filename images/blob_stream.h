// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// One blob on its way from the hosts to its consumer: the position, the digest and the hosts that
// contributed.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/error.h"
#include "images/attempts.h"
#include "images/digest.h"
#include "images/http_client.h"
#include "images/manifest.h"

namespace davit::images {

// Receives a blob. Begin may be called more than once: the blob is then sent again from its first byte. A
// broken connection alone does not show: the blob goes on where it stopped. The data is verified only when
// FetchBlob returns without an error. An error of Begin or Write ends the fetch.
class BlobSink {
 public:
  virtual ~BlobSink() = default;
  virtual Result<> Begin() = 0;
  virtual Result<> Write(std::string_view piece) = 0;

  // Bytes of the blob from `position` on that an earlier fetch has left; empty if there are no more. Asked
  // after Begin. The bytes are as unverified as those of a host, and are sent to Write like them.
  virtual std::string Kept(int64_t /*position*/) { return {}; }
  // What was written since Begin, or came from Kept, is wrong or cannot be joined with what follows. From now
  // on Kept returns nothing of it. Begin follows.
  virtual void Discard() {}
};

// Use: StartAttempt; unless verified(), a request from position() on with this object as its sink; EndAttempt
// with its result; again until EndAttempt returns no setback. Size and digest are then verified. Not
// thread-safe.
//
// If several hosts contributed to a blob with a wrong digest, any of them may be the culprit: the blob is
// then fetched again, from one host alone. What the sink has kept is the first suspect: without it, the blob
// is fetched again from any host.
class BlobStream : public BodySink {
 public:
  // Both must outlive the stream.
  BlobStream(const Descriptor& descriptor, BlobSink& sink) : descriptor_(descriptor), sink_(sink) {}

  // `host` identifies the host of the attempt, in any numbering. Fails with kLocal if the sink does.
  Attempted<> StartAttempt(size_t host);
  // The first byte that is missing.
  int64_t position() const { return position_; }
  // True if the sink has kept the whole blob, with the right digest: there is nothing to request.
  bool verified() const { return verified_; }

  // BodySink. Bytes before position() are skipped: a host may ignore a Range header (RFC 9110 section 14.2).
  Result<> Begin(int64_t first) override;
  Result<> Write(std::string_view piece) override;

  // The error of the sink, which ends the fetch.
  const std::optional<Error>& local_error() const { return local_error_; }

  // `request` is how the request ended; a setback that is returned carries the attempt's progress.
  Attempted<> EndAttempt(Attempted<> request);

 private:
  Attempted<> Restart();
  Result<> BeginSink();
  Result<> TakeKept();
  Attempted<> Evaluate(Attempted<> request);
  Attempted<> Verify();

  const Descriptor& descriptor_;
  BlobSink& sink_;
  std::optional<Hasher> hasher_;   // nullopt: the next attempt begins with the first byte
  int64_t position_ = 0;           // bytes that the sink has
  int64_t sent_ = 0;               // position in the blob of the attempt's next byte
  int64_t furthest_ = 0;           // highest position so far
  size_t host_ = 0;                // of the attempt
  std::set<size_t> contributors_;  // hosts of the bytes that the sink has
  bool one_host_ = false;          // do not join the bytes of several hosts again
  bool verified_ = false;
  std::optional<Error> local_error_;
  std::optional<Error> refused_;  // the host sends something else than this blob
};

}  // namespace davit::images
