// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Pulls one image into an empty directory and says how long it took, against fetching its blobs alone:
//   images_pull_bench UNPACK_PROGRAM EMPTY_DIRECTORY HOST:PORT/NAME:TAG
#include <signal.h>
#include <unistd.h>

#include <cstdio>

#include "base/time.h"
#include "images/image_resolve.h"
#include "images/image_store.h"
#include "images/registry_host.h"
#include "images/testing/fake_stores.h"

namespace davit::images {
namespace {

class SyncedLayerStore : public DirLayerStore {
 public:
  explicit SyncedLayerStore(const std::string& root)
      : DirLayerStore(root), fd_(open(root.c_str(), O_RDONLY | O_CLOEXEC)) {}
  Result<> Sync(const std::vector<std::string>&) override {
    if (syncfs(fd_.get()) < 0) return SystemError("syncfs", "layers");
    return {};
  }

 private:
  UniqueFd fd_;
};

class DiscardingSink : public BlobSink {
 public:
  Result<> Begin() override { return {}; }
  Result<> Write(std::string_view) override { return {}; }
};

Result<> Run(const std::string& unpack_program, const std::string& dir, const std::string& image) {
  Reference reference = TRY(ParseReference(image));
  Interrupt interrupt([] { return true; });
  int64_t start = MonotonicMilliseconds();
  auto registry = TRY(RegistryClient::Create(reference, TRY(RegistryHostsFor(reference.host, "")),
                                             std::nullopt, {}, interrupt));
  ResolvedImage resolved =
      TRY(ResolveImage(*registry, reference, HostPlatform(), [](const Descriptor&) { return Result<>(); }));
  for (const Descriptor& layer : resolved.layers) {
    DiscardingSink sink;
    TRY(registry->FetchBlob(layer, sink));
  }
  int64_t downloaded = MonotonicMilliseconds();

  SyncedLayerStore layers(dir);
  MemoryRecords records;
  auto blobs = TRY(BlobStore::Create(dir + "/blobs"));
  ImageStore::Config config;
  config.unpack_program = unpack_program;
  auto store = TRY(ImageStore::Open(config, layers, records, *blobs));
  ImageSummary pulled = TRY(store->Pull({image, std::nullopt, 0, nullptr}));
  int64_t done = MonotonicMilliseconds();
  std::printf("%zu layers, %.1f MB: download and digest alone %lld ms, pull %lld ms\n",
              resolved.layers.size(), static_cast<double>(pulled.size) / 1e6,
              static_cast<long long>(downloaded - start), static_cast<long long>(done - downloaded));
  return {};
}

}  // namespace
}  // namespace davit::images

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  if (argc != 4) return 2;
  auto result = davit::images::Run(argv[1], argv[2], argv[3]);
  if (!result) std::fprintf(stderr, "%s\n", result.error().ToString().c_str());
  return result ? 0 : 1;
}
