// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/push/blob_upload.h"

#include <algorithm>
#include <utility>

#include "images/http_outcome.h"

namespace davit::images {

BlobUpload::~BlobUpload() {
  if (has_turn_) context_.long_pieces.Return();
}

Result<> BlobUpload::Begin() {
  // Bytes already sent for this blob cannot be withdrawn: a new upload.
  if (buffer_start_ > 0 || !buffer_.empty()) upload_.reset();
  buffer_.clear();
  buffer_.reserve(std::min(piece_bytes_, static_cast<size_t>(descriptor_.size)));
  buffer_start_ = 0;
  in_doubt_ = finish_failed_ = false;
  return {};
}

Result<> BlobUpload::Write(std::string_view piece) {
  while (!piece.empty()) {
    // A full buffer is sent only when more follows: the last piece is for Commit.
    if (buffer_.size() >= piece_bytes_) TRY(Repeat(&BlobUpload::SendFullPiece));
    size_t size = std::min(piece.size(), piece_bytes_ - std::min(piece_bytes_, buffer_.size()));
    buffer_.append(piece.substr(0, size));
    piece.remove_prefix(size);
  }
  return {};
}

Result<> BlobUpload::Commit() {
  return Repeat(&BlobUpload::FinishOnce);
}

Result<> BlobUpload::Repeat(Attempted<> (BlobUpload::*attempt)()) {
  return RunAttemptsAtOneHost(context_.retry, context_.interrupt, [&]() -> Attempted<> {
    int64_t before = furthest_;
    auto attempted = (this->*attempt)();
    if (!attempted) attempted.error().progress = furthest_ - before;
    return attempted;
  });
}

// What the registry does not have of the buffer.
std::string_view BlobUpload::Unsent() const {
  return std::string_view(buffer_).substr(static_cast<size_t>(upload_->received - buffer_start_));
}

UploadClient::OnSent BlobUpload::Progress() const {
  return [this, before = upload_->received](int64_t bytes) { context_.on_sent(before + bytes); };
}

Attempted<> BlobUpload::Lost() {
  lost_ = true;
  Error error = Fail(Code::kUnavailable, "", "", "has lost the upload").error();
  return std::unexpected(Setback(Outcome::kLocal, std::move(error)));
}

// Afterwards there is an upload, and it is known what the registry has of it.
Attempted<> BlobUpload::Prepare() {
  if (!upload_) {
    auto upload = context_.client.Start();
    if (!upload) return std::unexpected(std::move(upload).error());
    upload_ = std::move(*upload);
    in_doubt_ = false;
  }
  if (auto used = UsePiecesAsWanted(); !used) return std::unexpected(Setback(std::move(used).error()));
  return in_doubt_ ? Synchronise() : Attempted<>();
}

// A blob that is no longer than the usual piece needs no long one.
Result<> BlobUpload::UsePiecesAsWanted() {
  size_t wanted = std::min(static_cast<size_t>(upload_->shortest_piece), context_.limits.most_piece_bytes);
  if (wanted <= piece_bytes_ || static_cast<size_t>(descriptor_.size) <= piece_bytes_) return {};
  if (wanted > context_.limits.piece_bytes && !has_turn_) {
    TRY(context_.long_pieces.Take(context_.interrupt));
    has_turn_ = true;
  }
  piece_bytes_ = wanted;
  buffer_.reserve(std::min(piece_bytes_, static_cast<size_t>(descriptor_.size)));
  return {};
}

Attempted<> BlobUpload::Synchronise() {
  auto known = context_.client.Query(*upload_);
  if (!known) return std::unexpected(std::move(known).error());
  int64_t end = buffer_start_ + static_cast<int64_t>(buffer_.size());
  if (!*known || upload_->received < buffer_start_ || upload_->received > end) return Lost();
  furthest_ = std::max(furthest_, upload_->received);
  in_doubt_ = false;
  return {};
}

Attempted<> BlobUpload::UseSmallerPieces() {
  size_t smaller = piece_bytes_ / 2;
  bool allowed =
      smaller >= context_.limits.least_piece_bytes && smaller >= static_cast<size_t>(upload_->shortest_piece);
  if (!allowed) {
    return Refuse(Code::kResourceExhausted,
                  "answered 413 to a request of " + std::to_string(piece_bytes_) +
                      " bytes: raise the limit of the server in front of the registry");
  }
  piece_bytes_ = smaller;
  return {};
}

Attempted<> BlobUpload::SendPiece() {
  in_doubt_ = true;
  auto taken = context_.client.Send(*upload_, Unsent().substr(0, piece_bytes_), Progress());
  if (!taken) return std::unexpected(std::move(taken).error());
  if (*taken == Taken::kLost) return Lost();
  if (*taken == Taken::kTooLarge) return UseSmallerPieces();
  in_doubt_ = false;
  furthest_ = std::max(furthest_, upload_->received);
  return {};
}

// Unless it turns out that the registry wants longer pieces.
Attempted<> BlobUpload::SendFullPiece() {
  if (auto prepared = Prepare(); !prepared) return prepared;
  return buffer_.size() < piece_bytes_ ? Attempted<>() : SendPieces();
}

// Until the registry has the whole buffer.
Attempted<> BlobUpload::SendPieces() {
  int64_t end = buffer_start_ + static_cast<int64_t>(buffer_.size());
  while (true) {
    if (auto prepared = Prepare(); !prepared) return prepared;
    if (upload_->received == end) break;
    if (auto sent = SendPiece(); !sent) return sent;
  }
  buffer_start_ = end;
  buffer_.clear();
  return {};
}

Attempted<> BlobUpload::FinishOnce() {
  if (std::exchange(finish_failed_, false)) {
    auto complete = context_.client.HasBlob(descriptor_.digest);
    if (!complete) return std::unexpected(std::move(complete).error());
    if (*complete) return {};
  }
  if (auto prepared = Prepare(); !prepared) return prepared;
  bool in_one_piece = upload_->received == 0 && buffer_.size() <= piece_bytes_;
  if (!in_one_piece) {
    if (auto sent = SendPieces(); !sent) return sent;
  }
  in_doubt_ = finish_failed_ = true;
  auto taken = context_.client.Finish(*upload_, descriptor_.digest, buffer_, Progress());
  if (!taken) return std::unexpected(std::move(taken).error());
  if (*taken == Taken::kLost) return Lost();
  if (*taken == Taken::kYes) return {};
  if (auto smaller = UseSmallerPieces(); !smaller) return smaller;
  return FinishOnce();
}

}  // namespace davit::images
