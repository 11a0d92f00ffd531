// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Sends one blob to a registry in pieces, each of which is repeated until the registry has it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "images/attempts.h"
#include "images/blob_stream.h"
#include "images/interrupt.h"
#include "images/manifest.h"
#include "images/push/long_piece_turn.h"
#include "images/push/upload_client.h"
#include "images/retry_policy.h"

namespace davit::images {

struct UploadLimits {
  // The longest piece: it is kept in memory until the registry has it. Docker's registries take any size;
  // object stores want parts of at least 5 MiB.
  size_t piece_bytes = 8 << 20;
  // Below this size, a 413 is final. A web server's default limit is 1 MiB (nginx, client_max_body_size).
  size_t least_piece_bytes = 256 << 10;
  // Even if the registry wants longer pieces. With two uploads that wait for their turn (long_piece_turn.h),
  // each with a piece of the usual length, a push stays below 64 MiB.
  size_t most_piece_bytes = 40 << 20;
};

// A blob of one piece is sent in the request that ends the upload, a longer one piece by piece. After a
// broken connection the upload goes on at the byte that the registry reports. Use: Begin, Write..., Commit.
// Not thread-safe.
class BlobUpload : public BlobSink {
 public:
  struct Context {
    UploadClient& client;
    const RetryLimits& retry;
    const Interrupt& interrupt;
    UploadLimits limits;
    LongPieceTurn& long_pieces;
    // Called with the bytes of the blob that were sent.
    std::function<void(int64_t bytes)> on_sent;
  };

  // `begun` is an upload that the registry has offered already. `descriptor` must outlive the object.
  BlobUpload(Context context, const Descriptor& descriptor, std::optional<Upload> begun)
      : context_(std::move(context)), descriptor_(descriptor), upload_(std::move(begun)) {}
  ~BlobUpload() override;
  BlobUpload(const BlobUpload&) = delete;
  BlobUpload& operator=(const BlobUpload&) = delete;

  // BlobSink. Errors have no step and no subject.
  Result<> Begin() override;
  Result<> Write(std::string_view piece) override;

  // Sends the rest and has the registry verify the digest. The blob is then in the repository.
  Result<> Commit();

  // True after an error that another BlobUpload, with the blob from its first byte, may not have: the
  // registry has lost what it had.
  bool lost() const { return lost_; }
  int64_t received() const { return furthest_; }  // the most bytes that the registry has had

 private:
  Result<> Repeat(Attempted<> (BlobUpload::*attempt)());
  Attempted<> SendFullPiece();
  Attempted<> SendPieces();
  Attempted<> FinishOnce();
  Attempted<> Prepare();
  Result<> UsePiecesAsWanted();
  Attempted<> Synchronise();
  Attempted<> SendPiece();
  Attempted<> UseSmallerPieces();
  Attempted<> Lost();
  std::string_view Unsent() const;
  UploadClient::OnSent Progress() const;

  const Context context_;
  const Descriptor& descriptor_;
  std::optional<Upload> upload_;
  size_t piece_bytes_ = context_.limits.piece_bytes;
  bool has_turn_ = false;       // of context_.long_pieces
  std::string buffer_;          // the end of what was written
  int64_t buffer_start_ = 0;    // its position in the blob: the registry has all before it
  int64_t furthest_ = 0;        // see received()
  bool in_doubt_ = false;       // how much of the last request has arrived is not known
  bool finish_failed_ = false;  // the blob may be complete already
  bool lost_ = false;
};

}  // namespace davit::images
