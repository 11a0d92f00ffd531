// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/blob_source.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "images/authorizer.h"
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

// Of the errors of two sources, which decide what becomes of an image, the one that leaves most hope: one
// that may pass, then that of a registry that wants to know who asks, then that of wrong content.
int HopeAfter(const Error& error) {
  switch (error.code) {
    case Code::kNotFound:
      return 0;
    case Code::kDataLoss:
      return 1;
    case Code::kUnauthenticated:
    case Code::kPermissionDenied:
      return 2;
    default:
      return 3;
  }
}

// Of two that are alike, the later one.
void KeepBetter(Error& known, Error error) {
  if (HopeAfter(error) >= HopeAfter(known)) known = std::move(error);
}

}  // namespace

Result<> WatchedSink::Watch(Result<> result) {
  failed_ |= !result;
  return result;
}

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
                                       std::vector<RegistryAuth> auths, RegistryClient::Options options,
                                       const Interrupt& interrupt)
    : repositories_(RepositoriesOf(repo_digests)),
      auths_(std::move(auths)),
      options_(std::move(options)),
      interrupt_(interrupt) {}

// For which of several registries credentials without a server are is not known: then none gets them.
std::optional<RegistryAuth> RegistryBlobSource::AuthFor(const std::string& host) const {
  bool one = std::ranges::all_of(repositories_, [&](const Reference& other) { return other.host == host; });
  for (const RegistryAuth& auth : auths_) {
    if (auth.server_address.empty() ? one : IsAddressOf(auth.server_address, host)) return auth;
  }
  return std::nullopt;
}

Result<RegistryClient*> RegistryBlobSource::ClientOf(const Reference& repository) {
  MutexLock lock(mutex_);
  auto client = clients_.find(repository.Name());
  if (client == clients_.end()) {
    auto hosts = TRY(RegistryHostsFor(repository.host, options_.certs_d));
    auto made = TRY(
        RegistryClient::Create(repository, std::move(hosts), AuthFor(repository.host), options_, interrupt_));
    client = clients_.emplace(repository.Name(), std::move(made)).first;
  }
  return client->second.get();
}

Result<> RegistryBlobSource::Send(const Descriptor& descriptor, BlobSink& sink) {
  WatchedSink watched(sink);
  Error why = NotHere(descriptor).error();
  for (const Reference& repository : repositories_) {
    auto client = ClientOf(repository);
    auto sent = client ? (*client)->FetchBlob(descriptor, watched) : std::unexpected(client.error());
    if (sent || watched.failed() || sent.error().code == Code::kCancelled) return sent;
    KeepBetter(why, std::move(sent).error());
  }
  return std::unexpected(std::move(why));
}

Result<ManifestDocument> RegistryBlobSource::FetchManifest(const std::string& digest) {
  Error why = Fail(Code::kNotFound, "read manifest", digest, "no registry has it").error();
  for (const Reference& repository : repositories_) {
    auto client = ClientOf(repository);
    auto fetched = client ? (*client)->FetchManifest(digest) : std::unexpected(client.error());
    if (fetched || fetched.error().code == Code::kCancelled) return fetched;
    KeepBetter(why, std::move(fetched).error());
  }
  return std::unexpected(std::move(why));
}

Result<> PullSource::Send(const Descriptor& descriptor, BlobSink& sink) {
  auto sent = registry_.FetchBlob(descriptor, sink);
  bool elsewhere = !sent && sent.error().code == Code::kNotFound && !descriptor.urls.empty();
  return elsewhere ? foreign_.FetchBlob(descriptor, sink, interrupt_) : sent;
}

Result<> BlobSources::Send(const Descriptor& descriptor, BlobSink& sink) {
  WatchedSink watched(sink);
  Error why = NotHere(descriptor).error();
  for (BlobSource* source : sources_) {
    auto sent = source->Send(descriptor, watched);
    if (sent || watched.failed() || sent.error().code == Code::kCancelled) return sent;
    KeepBetter(why, std::move(sent).error());
  }
  return std::unexpected(std::move(why));
}

}  // namespace davit::images
