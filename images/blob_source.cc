// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/blob_source.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "images/registry_host.h"

namespace davit::images {
namespace {

constexpr size_t kReadBytes = 256 << 10;

std::unexpected<Error> NotHere(const Descriptor& descriptor) {
  return Fail(Code::kNotFound, "read blob", descriptor.digest, "it is not here");
}

Result<> CheckSize(const Descriptor& descriptor, int64_t size) {
  if (size == descriptor.size) return {};
  return Fail(Code::kDataLoss, "read blob", descriptor.digest,
              "has " + std::to_string(size) + " bytes, not " + std::to_string(descriptor.size));
}

// Knows whether it was the consumer of a blob that failed, which another source does not help.
class WatchedSink : public BlobSink {
 public:
  explicit WatchedSink(BlobSink& sink) : sink_(sink) {}

  Result<> Begin() override { return Watch(sink_.Begin()); }
  Result<> Write(std::string_view piece) override { return Watch(sink_.Write(piece)); }
  std::string Kept(int64_t position) override { return sink_.Kept(position); }
  void Discard() override { sink_.Discard(); }
  bool failed() const { return failed_; }

 private:
  Result<> Watch(Result<> result) {
    failed_ |= !result;
    return result;
  }

  BlobSink& sink_;
  bool failed_ = false;
};

// For which of several registries credentials without a server are is not known: then none gets them.
std::optional<RegistryAuth> AuthFor(const std::vector<Reference>& repositories,
                                    std::optional<RegistryAuth> auth) {
  if (!auth || !auth->server_address.empty()) return auth;
  bool one = std::ranges::all_of(
      repositories, [&](const Reference& repository) { return repository.host == repositories[0].host; });
  return one ? std::move(auth) : std::nullopt;
}

std::vector<Reference> RepositoriesOf(const std::vector<std::string>& repo_digests) {
  std::vector<Reference> repositories;
  for (const std::string& repo_digest : repo_digests) {
    auto reference = ParseReference(repo_digest);
    if (!reference) continue;
    bool known = std::ranges::any_of(
        repositories, [&](const Reference& other) { return other.Name() == reference->Name(); });
    if (!known) repositories.push_back(std::move(*reference));
  }
  return repositories;
}

}  // namespace

Result<> DocumentSource::Send(const Descriptor& descriptor, BlobSink& sink) {
  if (descriptor.digest != digest_) return NotHere(descriptor);
  TRY(sink.Begin());
  return sink.Write(document_);
}

// The store has verified the blob, but the disk may have changed it since.
Result<> StoredBlobSource::Send(const Descriptor& descriptor, BlobSink& sink) {
  OpenedBlob blob = TRY(blobs_.Open(descriptor.digest));
  TRY(CheckSize(descriptor, blob.size));
  Hasher hasher = TRY(Hasher::For(descriptor.digest));
  TRY(sink.Begin());
  std::string buffer(kReadBytes, '\0');
  while (true) {
    TRY(interrupt_.Check());
    ssize_t size = TEMP_FAILURE_RETRY(read(blob.fd.get(), buffer.data(), buffer.size()));
    if (size < 0) return SystemError("read blob", descriptor.digest);
    if (size == 0) break;
    std::string_view piece(buffer.data(), static_cast<size_t>(size));
    hasher.Update(piece);
    TRY(sink.Write(piece));
  }
  if (hasher.Finish() == descriptor.digest) return {};
  return Fail(Code::kDataLoss, "read blob", descriptor.digest, "its file has another digest");
}

RegistryBlobSource::RegistryBlobSource(const std::vector<std::string>& repo_digests,
                                       std::optional<RegistryAuth> auth, RegistryClient::Options options,
                                       const Interrupt& interrupt)
    : repositories_(RepositoriesOf(repo_digests)),
      auth_(AuthFor(repositories_, std::move(auth))),
      options_(std::move(options)),
      interrupt_(interrupt) {}

Result<RegistryClient*> RegistryBlobSource::ClientOf(const Reference& repository) {
  MutexLock lock(mutex_);
  auto client = clients_.find(repository.Name());
  if (client == clients_.end()) {
    auto hosts = TRY(RegistryHostsFor(repository.host, options_.certs_d));
    auto made = TRY(RegistryClient::Create(repository, std::move(hosts), auth_, options_, interrupt_));
    client = clients_.emplace(repository.Name(), std::move(made)).first;
  }
  return client->second.get();
}

Result<> RegistryBlobSource::Send(const Descriptor& descriptor, BlobSink& sink) {
  WatchedSink watched(sink);
  Result<> sent = NotHere(descriptor);
  for (const Reference& repository : repositories_) {
    RegistryClient* client = TRY(ClientOf(repository));
    sent = client->FetchBlob(descriptor, watched);
    if (sent || watched.failed() || sent.error().code == Code::kCancelled) break;
  }
  return sent;
}

Result<> PullSource::Send(const Descriptor& descriptor, BlobSink& sink) {
  auto sent = registry_.FetchBlob(descriptor, sink);
  bool elsewhere = !sent && sent.error().code == Code::kNotFound && !descriptor.urls.empty();
  return elsewhere ? foreign_.FetchBlob(descriptor, sink, interrupt_) : sent;
}

Result<> BlobSources::Send(const Descriptor& descriptor, BlobSink& sink) {
  WatchedSink watched(sink);
  Result<> sent = NotHere(descriptor);
  for (BlobSource* source : sources_) {
    auto tried = source->Send(descriptor, watched);
    if (tried || watched.failed() || tried.error().code == Code::kCancelled) return tried;
    if (tried.error().code != Code::kNotFound || sent.error().code == Code::kNotFound)
      sent = std::move(tried);
  }
  return sent;
}

}  // namespace davit::images
