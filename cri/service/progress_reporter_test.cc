// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/progress_reporter.h"

#include <gmock/gmock.h>

#include <condition_variable>
#include <mutex>

namespace davit::cri {
namespace {

namespace api = ::davit::v1;
using images::LayerProgress;
using images::TransferProgress;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A client that reads when the test says so.
class FakeClient {
 public:
  void Write(ProgressReporter::Layers layers) {
    api::PullImageResponse message;
    message.mutable_layers()->Swap(&layers);
    std::unique_lock lock(mutex_);
    writing_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return reads_; });
    messages_.push_back(message);
    changed_.notify_all();
  }
  ProgressReporter::Send send() {
    return [this](ProgressReporter::Layers layers) { Write(std::move(layers)); };
  }

  void StopReading() { SetReads(false); }
  void Read() { SetReads(true); }
  void AwaitWrite() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return writing_; });
  }
  void AwaitMessages(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this, count] { return messages_.size() >= count; });
  }
  std::vector<api::PullImageResponse> messages() {
    std::lock_guard lock(mutex_);
    return messages_;
  }

 private:
  void SetReads(bool reads) {
    std::lock_guard lock(mutex_);
    reads_ = reads;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool reads_ = true;
  bool writing_ = false;
  std::vector<api::PullImageResponse> messages_;
};

std::shared_ptr<TransferProgress> TwoLayers() {
  auto progress = std::make_shared<TransferProgress>();
  progress->Begin({{"", "sha256:a", 10, std::nullopt, {}}, {"", "sha256:b", 20, std::nullopt, {}}});
  return progress;
}

TEST(ProgressReporterTest, SendsAllLayersOnceAndThenChanges) {
  FakeClient client;
  auto progress = TwoLayers();
  {
    ProgressReporter reporter(client.send());
    reporter.Follow(progress);
    client.AwaitMessages(1);
    progress->SetState(1, LayerProgress::State::kDownloading);
    progress->SetTransferred(1, 7);
  }
  auto messages = client.messages();
  ASSERT_THAT(messages, SizeIs(2));
  ASSERT_THAT(messages[0].layers(), SizeIs(2));
  EXPECT_EQ(messages[0].layers(0).digest(), "sha256:a");
  EXPECT_EQ(messages[0].layers(0).size(), 10);
  EXPECT_EQ(messages[0].layers(1).state(), api::LayerProgress::WAITING);
  ASSERT_THAT(messages[1].layers(), SizeIs(1)) << "the end is not waited for";
  EXPECT_EQ(messages[1].layers(0).index(), 1u);
  EXPECT_EQ(messages[1].layers(0).state(), api::LayerProgress::DOWNLOADING);
  EXPECT_EQ(messages[1].layers(0).received(), 7);
}

TEST(ProgressReporterTest, SaysNothingBeforeTheManifestIsKnown) {
  FakeClient client;
  {
    ProgressReporter reporter(client.send());
    reporter.Follow(std::make_shared<TransferProgress>());
  }
  EXPECT_THAT(client.messages(), IsEmpty());
}

TEST(ProgressReporterTest, AClientThatDoesNotReadMissesStatesAndHoldsNobodyUp) {
  FakeClient client;
  client.StopReading();
  auto progress = TwoLayers();
  ProgressReporter reporter(client.send());
  reporter.Follow(progress);
  client.AwaitWrite();
  for (int64_t bytes = 0; bytes <= 10; ++bytes) progress->SetTransferred(0, bytes);
  progress->SetState(0, LayerProgress::State::kDone);
  client.Read();
  reporter.Stop();
  auto messages = client.messages();
  ASSERT_THAT(messages, SizeIs(2));
  ASSERT_THAT(messages[1].layers(), SizeIs(1));
  EXPECT_EQ(messages[1].layers(0).received(), 10);
  EXPECT_EQ(messages[1].layers(0).state(), api::LayerProgress::DONE);
}

TEST(ProgressReporterTest, APullThatStartsOverIsReportedFromItsBeginning) {
  FakeClient client;
  auto first = TwoLayers();
  first->SetTransferred(0, 5);
  {
    ProgressReporter reporter(client.send());
    reporter.Follow(first);
    client.AwaitMessages(1);
    reporter.Follow(TwoLayers());
  }
  auto messages = client.messages();
  ASSERT_THAT(messages, SizeIs(2));
  ASSERT_THAT(messages[1].layers(), SizeIs(2));
  EXPECT_EQ(messages[1].layers(0).received(), 0);
}

// A push of an index of which not all can be had goes on with one manifest.
TEST(ProgressReporterTest, FewerLayersReplaceAllOfThem) {
  FakeClient client;
  auto progress = TwoLayers();
  {
    ProgressReporter reporter(client.send());
    reporter.Follow(progress);
    client.AwaitMessages(1);
    progress->Begin({{"", "sha256:a", 10, std::nullopt, {}}});
  }
  auto messages = client.messages();
  ASSERT_THAT(messages, SizeIs(2));
  ASSERT_THAT(messages[1].layers(), SizeIs(1)) << "also if it has not changed";
  EXPECT_EQ(messages[1].layers(0).digest(), "sha256:a");
}

}  // namespace
}  // namespace davit::cri
