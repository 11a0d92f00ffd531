// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/push/blob_push.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "base/guarded.h"

namespace davit::images {
namespace {

using State = LayerProgress::State;

// For layers that their owner distributes (image-spec layer.md, "Non-Distributable Layers").
bool MayNotBeDistributed(const Descriptor& blob) {
  bool marked = blob.media_type.find(".nondistributable.") != std::string::npos ||
                blob.media_type.find(".foreign.") != std::string::npos;
  return marked && !blob.urls.empty();
}

// The push of one blob.
class BlobPush {
 public:
  // `index` is the position of `blob` in the progress.
  BlobPush(const BlobPushContext& context, const Descriptor& blob, size_t index)
      : context_(context), blob_(blob), index_(index) {}

  Result<> Run() {
    State state = TRY(Bring());
    if (state == State::kDone) context_.progress.SetTransferred(index_, blob_.size);
    context_.progress.SetState(index_, state);
    return {};
  }

 private:
  // How the blob got into the repository.
  Result<State> Bring() {
    if (MayNotBeDistributed(blob_)) return State::kSkipped;
    if (TRY(IsThere())) return State::kExists;
    std::optional<Upload> begun;
    if (TRY(IsMounted(begun))) return State::kMounted;
    TRY(UploadFrom(std::move(begun)));
    return State::kDone;
  }

  Result<bool> IsThere() {
    bool there = false;
    TRY(RunAttemptsAtOneHost(context_.retry, context_.interrupt, [&]() -> Attempted<> {
      auto has = context_.client.HasBlob(blob_.digest);
      if (!has) return std::unexpected(std::move(has).error());
      there = *has;
      return {};
    }));
    return there;
  }

  // A registry that does not mount may have begun an upload instead. A mount that fails is no error: the
  // account may not be allowed to read the other repository.
  Result<bool> IsMounted(std::optional<Upload>& begun) {
    if (context_.mount_from.empty()) return false;
    auto mounted = context_.client.Mount(blob_.digest, context_.mount_from);
    TRY(context_.interrupt.Check());
    if (!mounted) return false;
    begun = std::move(*mounted);
    return !begun;
  }

  // Again from the first byte when the registry has lost an upload; how often is for the retry policy.
  Result<> UploadFrom(std::optional<Upload> begun) {
    context_.progress.SetState(index_, State::kUploading);
    int64_t furthest = 0;
    return RunAttemptsAtOneHost(context_.retry, context_.interrupt, [&]() -> Attempted<> {
      BlobUpload upload(Context(), blob_, std::exchange(begun, std::nullopt));
      Result<> sent = context_.source.Send(blob_, upload);
      if (sent) sent = upload.Commit();
      if (sent) return {};
      Setback setback(upload.lost() ? Outcome::kCut : Outcome::kLocal, std::move(sent).error());
      setback.progress = std::max<int64_t>(0, upload.received() - furthest);
      furthest = std::max(furthest, upload.received());
      return std::unexpected(std::move(setback));
    });
  }

  BlobUpload::Context Context() {
    return {context_.client,      context_.retry,
            context_.interrupt,   context_.limits,
            context_.long_pieces, [this](int64_t sent) { context_.progress.SetTransferred(index_, sent); }};
  }

  const BlobPushContext& context_;
  const Descriptor& blob_;
  const size_t index_;
};

// Hands out the blobs to the threads, and keeps the first error.
class BlobQueue {
 public:
  explicit BlobQueue(size_t size) : size_(size) {}

  // The position of the next one; nullopt if there is none, or one has failed.
  std::optional<size_t> Next() {
    MutexLock lock(mutex_);
    return failure_ || next_ == size_ ? std::nullopt : std::optional(next_++);
  }
  // False if another blob has failed before.
  bool RecordFailure(Error error) {
    MutexLock lock(mutex_);
    if (failure_) return false;
    failure_ = std::move(error);
    return true;
  }
  Result<> Outcome() {
    MutexLock lock(mutex_);
    return failure_ ? std::unexpected(*failure_) : Result<>();
  }

 private:
  const size_t size_;
  Mutex mutex_;
  size_t next_ GUARDED_BY(mutex_) = 0;
  std::optional<Error> failure_ GUARDED_BY(mutex_);
};

// An error without a step is an answer of the host.
Error NamingBlob(const Descriptor& blob, const std::string& host, Error error) {
  std::string who = error.step.empty() ? host + " " : error.step + " " + error.subject + ": ";
  return Error{error.code, error.os_errno, "", blob.digest, who + error.context, error.reason};
}

void PushFrom(BlobQueue& queue, const std::vector<Descriptor>& blobs, const BlobPushContext& context) {
  while (std::optional<size_t> index = queue.Next()) {
    const Descriptor& blob = blobs[*index];
    auto pushed = Guarded("push", "blob", [&] { return BlobPush(context, blob, *index).Run(); });
    // The others then fail only because this one stops them.
    if (!pushed && queue.RecordFailure(NamingBlob(blob, context.host, std::move(pushed).error())))
      context.interrupt.Stop();
  }
}

}  // namespace

Result<> PushBlobs(const BlobPushContext& context, const std::vector<Descriptor>& blobs, size_t threads) {
  context.progress.Begin(blobs);
  BlobQueue queue(blobs.size());
  std::vector<std::jthread> workers;
  for (size_t i = 0; i < std::min(threads, blobs.size()); ++i)
    workers.emplace_back([&] { PushFrom(queue, blobs, context); });
  workers.clear();  // joins them
  return queue.Outcome();
}

}  // namespace davit::images
