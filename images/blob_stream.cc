// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/blob_stream.h"

#include <algorithm>
#include <string>
#include <utility>

namespace davit::images {
namespace {

Error WrongContent(std::string_view why) {
  return Fail(Code::kDataLoss, "", "", why).error();
}

}  // namespace

Attempted<> BlobStream::StartAttempt(size_t host) {
  host_ = host;
  refused_.reset();
  bool joins_another = !contributors_.empty() && !contributors_.contains(host);
  if (!hasher_ || (one_host_ && joins_another)) return Restart();
  return {};
}

Attempted<> BlobStream::Restart() {
  position_ = 0;
  contributors_.clear();
  if (auto begun = sink_.Begin(); !begun) {
    local_error_ = std::move(begun).error();
    return std::unexpected(Setback(Outcome::kLocal, *local_error_));
  }
  hasher_ = TRY(Hasher::For(descriptor_.digest));
  return {};
}

Result<> BlobStream::Begin(int64_t first) {
  sent_ = first;
  if (first <= position_) return {};
  refused_ =
      WrongContent("sent bytes from " + std::to_string(first) + " on, not from " + std::to_string(position_));
  return std::unexpected(*refused_);
}

Result<> BlobStream::Write(std::string_view piece) {
  size_t known = std::min(piece.size(), static_cast<size_t>(position_ - sent_));
  sent_ += static_cast<int64_t>(piece.size());
  piece.remove_prefix(known);
  if (piece.empty()) return {};
  if (sent_ > descriptor_.size) {
    refused_ = WrongContent("is longer than the manifest says");
    return std::unexpected(*refused_);
  }
  hasher_->Update(piece);
  contributors_.insert(host_);
  auto written = sink_.Write(piece);
  if (!written) local_error_ = written.error();
  position_ = sent_;
  return written;
}

Attempted<> BlobStream::EndAttempt(Attempted<> request) {
  int64_t progress = std::max<int64_t>(0, position_ - furthest_);
  furthest_ = std::max(furthest_, position_);
  Attempted<> ended = Evaluate(std::move(request));
  if (!ended) ended.error().progress = progress;
  return ended;
}

Attempted<> BlobStream::Evaluate(Attempted<> request) {
  if (local_error_) return std::unexpected(Setback(Outcome::kLocal, *local_error_));
  if (refused_) return std::unexpected(Setback(Outcome::kRefused, *refused_));
  bool cut_at_end = !request && request.error().outcome == Outcome::kCut && position_ == descriptor_.size &&
                    !contributors_.empty();
  if (!request && !cut_at_end) return request;
  if (position_ == descriptor_.size) return Verify();
  return std::unexpected(
      Setback(Outcome::kCut, WrongContent("ends after " + std::to_string(position_) + " of " +
                                          std::to_string(descriptor_.size) + " bytes")));
}

Attempted<> BlobStream::Verify() {
  std::string digest = hasher_->Finish();
  if (digest == descriptor_.digest) return {};
  hasher_.reset();
  Error mismatch = WrongContent("has digest " + digest);
  if (contributors_.size() <= 1) return std::unexpected(Setback(Outcome::kRefused, std::move(mismatch)));
  one_host_ = true;
  furthest_ = 0;
  return std::unexpected(Setback(Outcome::kCut, std::move(mismatch)));
}

}  // namespace davit::images
