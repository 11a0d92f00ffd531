// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What a hostile image makes the daemon hold in memory. Unpackers are processes of their own.
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <string>
#include <vector>

#include "images/testing/store_fixture.h"

namespace davit::images {
namespace {

constexpr long kMostKib = 64 << 10;

// A field of proc_pid_status(5), in KiB.
long StatusKib(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    long value = 0;
    if (word == field && status >> value) return value;
  }
  return -1;
}

// How much more memory this process has at any time in `work` than before.
template <typename Work>
long PeakGrowthKib(Work work) {
  std::ofstream("/proc/self/clear_refs") << "5";  // forgets the peak so far
  long before = StatusKib("VmRSS:");
  work();
  return StatusKib("VmHWM:") - before;
}

class Memory : public Store {
 protected:
  void SetUp() override {
#ifdef DAVIT_SANITIZED
    GTEST_SKIP() << "a sanitizer keeps memory that was freed";
#endif
    Store::SetUp();
  }
};

// A layer of a few hundred KiB with notes of 15 MiB: directories with long paths and without entries.
TestLayer LayerWithManyNotes() {
  std::string deep;
  for (int i = 0; i < 15; ++i) deep += std::string(255, 'd') + "/";
  TarBuilder tar;
  for (int i = 0; i < 4000; ++i) {
    TarMember member;
    member.name = "f";
    member.pax = {{"path", deep + std::to_string(i) + "/f"}};
    tar.Add(member);
  }
  return GzipLayer(tar.Finish());
}

TEST_F(Memory, AManifestOfManyValuesIsRefused) {
  std::string manifest = R"({"schemaVersion":2,"config":{},"layers":[{})";
  while (manifest.size() < (4 << 20) - 8) manifest += ",{}";
  manifest += "]}";
  FakeServer server([&](const FakeRequest&) { return FakeResponse{200, {}, manifest, -1, false}; });
  long growth =
      PeakGrowthKib([&] { EXPECT_EQ(Pull(server.host() + "/app").error().code, Code::kInvalidArgument); });
  EXPECT_LT(growth, kMostKib);
}

TEST_F(Memory, LayersThatWaitForTheOneBelowHoldNone) {
  constexpr int kWaiting = 6;
  std::vector<TestLayer> layers(1 + kWaiting, LayerWithManyNotes());
  layers[0] = GzipLayer(TarBuilder().File("first", "").Finish());
  image_ = TestImage::Make(layers);
  config_.low_speed_bytes = config_.fair_speed_bytes = 0;  // the first layer is late on purpose
  Reopen();
  std::mutex mutex;
  std::condition_variable changed;
  int others = 0;
  FakeServer server([&](const FakeRequest& request) {
    FakeResponse response = Serve(image_, request);
    std::unique_lock lock(mutex);
    if (response.body == layers[1].blob) ++others;
    changed.notify_all();
    if (response.body == layers[0].blob)
      changed.wait_for(lock, std::chrono::minutes(5), [&] { return others >= kWaiting; });
    return response;
  });
  long growth = PeakGrowthKib([&] {
    auto pulled = Pull(server.host() + "/app");
    EXPECT_TRUE(pulled) << pulled.error().ToString();
  });
  EXPECT_LT(growth, kMostKib);
}

}  // namespace
}  // namespace davit::images
