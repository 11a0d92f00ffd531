// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/blob_stream.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

namespace davit::images {
namespace {

// Stands for the sink among the hosts that contributed.
constexpr size_t kSink = std::numeric_limits<size_t>::max();

Error WrongContent(std::string_view why) {
  return Fail(Code::kDataLoss, "", "", why).error();
}

}  // namespace

Attempted<> BlobStream::StartAttempt(size_t host) {
  host_ = host;
  refused_.reset();
  bool joins_another = !contributors_.empty() && !contributors_.contains(host);
  if (hasher_ && one_host_ && joins_another) {
    sink_.Discard();
    return Restart();
  }
  return hasher_ ? Attempted<>() : Restart();
}

Attempted<> BlobStream::Restart() {
  auto begun = BeginSink();
  if (begun && position_ == descriptor_.size && !contributors_.empty()) {
    verified_ = Verify().has_value();
    if (!verified_) begun = BeginSink();
  }
  if (begun) return {};
  local_error_ = std::move(begun).error();
  return std::unexpected(Setback(Outcome::kLocal, *local_error_));
}

Result<> BlobStream::BeginSink() {
  position_ = 0;
  contributors_.clear();
  TRY(sink_.Begin());
  hasher_ = TRY(Hasher::For(descriptor_.digest));
  return TakeKept();
}

Result<> BlobStream::TakeKept() {
  while (position_ < descriptor_.size) {
    std::string piece = sink_.Kept(position_);
    piece.resize(std::min(piece.size(), static_cast<size_t>(descriptor_.size - position_)));
    if (piece.empty()) break;
    hasher_->Update(piece);
    contributors_.insert(kSink);
    TRY(sink_.Write(piece));
    position_ += static_cast<int64_t>(piece.size());
  }
  furthest_ = std::max(furthest_, position_);
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
  if (verified_) return {};
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
  sink_.Discard();
  Error mismatch = WrongContent("has digest " + digest);
  if (contributors_.size() <= 1 && !contributors_.contains(kSink))
    return std::unexpected(Setback(Outcome::kRefused, std::move(mismatch)));
  one_host_ = !contributors_.contains(kSink);
  furthest_ = 0;
  return std::unexpected(Setback(Outcome::kCut, std::move(mismatch)));
}

}  // namespace davit::images
