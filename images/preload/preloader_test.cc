// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/preload/preloader.h"

#include <sys/stat.h>

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "images/digest.h"
#include "images/testing/store_fixture.h"

namespace davit::images {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Preload : public Store {
 protected:
  void TearDown() override { preloader_.reset(); }

  std::string Dir() const { return scratch_ / "preload"; }

  void Start() {
    preloader_.reset();
    Preloader::Config config{Dir(), scratch_ / "preloaded", retry_ms_};
    ImageLoad::Context context{*store_, layers_, *blobs_, config_.unpack_program};
    auto preloader = Preloader::Start(config, context, [this](const PreloadEvent& event) {
      std::lock_guard lock(mutex_);
      events_.push_back(event);
      changed_.notify_all();
    });
    ASSERT_TRUE(preloader) << preloader.error().ToString();
    preloader_ = std::move(*preloader);
  }
  // The next event, in order.
  PreloadEvent Next() {
    std::unique_lock lock(mutex_);
    bool came = changed_.wait_for(lock, std::chrono::seconds(60), [this] { return events_.size() > taken_; });
    EXPECT_TRUE(came) << "nothing happens";
    return came ? events_[taken_++] : PreloadEvent();
  }
  void ExpectLoaded(const std::string& file, const std::string& image) {
    PreloadEvent event = Next();
    EXPECT_EQ(event.file, Dir() + "/" + file);
    EXPECT_EQ(event.image, image);
    EXPECT_FALSE(event.error) << event.error->ToString();
    auto found = store_->Find(image);
    ASSERT_TRUE(found) << found.error().ToString();
    EXPECT_TRUE(found->pinned);
  }
  void ExpectFailed(const std::string& file, const std::string& why) {
    PreloadEvent event = Next();
    EXPECT_EQ(event.file, Dir() + "/" + file);
    ASSERT_TRUE(event.error);
    EXPECT_THAT(event.error->ToString(), HasSubstr(why));
  }

  // An image that differs by `content`.
  static TestImage Image(const std::string& content) {
    return TestImage::Make({GzipLayer(TarBuilder().File("f", content).Finish())});
  }
  static std::string Archive(const TestImage& image, const std::string& tag) {
    return TarBuilder()
        .File("c.json", image.config)
        .File("layer.tar", image.layers[0].blob)
        .File("manifest.json",
              R"([{"Config":"c.json","RepoTags":[")" + tag + R"("],"Layers":["layer.tar"]}])")
        .Finish();
  }
  // A list of an image that no registry has: it is read again as often as retry_ms_ says.
  void ListWithoutRegistry() {
    nowhere_ = std::make_unique<FakeServer>([](const FakeRequest&) { return FakeResponse{404, {}, ""}; });
    Write("0.txt", nowhere_->host() + "/app:v1\n");
  }
  // The files are read in order: what is to be read again after a pause that is shorter than all but one of
  // these is read before the last of them.
  void ExpectOnlyTheListIsReadAgain(int times) {
    for (int i = 0; i < times; ++i) ExpectFailed("0.txt", "pull");
  }
  void Write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories(Dir());
    std::ofstream(Dir() + "/" + name, std::ios::binary) << text;
  }

  const std::string kNoArchive =
      "this is no archive, and long enough to be read as a header" + std::string(1000, 'x');
  std::unique_ptr<FakeServer> nowhere_;
  int64_t retry_ms_ = 60'000;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<PreloadEvent> events_;
  size_t taken_ = 0;
  std::unique_ptr<Preloader> preloader_;
};

TEST_F(Preload, LoadsWhatIsThereAndWhatComes) {
  Write("1.tar", Archive(Image("1"), "registry.example/one:v1"));
  Write("2.tar.gz", Gzip(Archive(Image("2"), "registry.example/two:v1")));
  Write("3.tar.zst", Zstd(Archive(Image("3"), "registry.example/three:v1")));
  Write("notes.md", "not for us");
  Start();
  ExpectLoaded("1.tar", "registry.example/one:v1");
  ExpectLoaded("2.tar.gz", "registry.example/two:v1");
  ExpectLoaded("3.tar.zst", "registry.example/three:v1");
  Write("4.part", Archive(Image("4"), "registry.example/four:v1"));
  std::filesystem::rename(Dir() + "/4.part", Dir() + "/4.tar");
  ExpectLoaded("4.tar", "registry.example/four:v1");
  Write("1.tar", Archive(Image("1b"), "registry.example/one:v2"));
  ExpectLoaded("1.tar", "registry.example/one:v2");
  EXPECT_THAT(layers_.Staged(), IsEmpty());
}

TEST_F(Preload, ABadFileDoesNotStopTheOthers) {
  Write("1.tar", "this is no archive, and long enough to be read as a header" + std::string(1000, 'x'));
  ASSERT_EQ(mkfifo((scratch_ / "fifo").c_str(), 0600), 0);
  std::filesystem::create_symlink(scratch_ / "fifo", Dir() + "/2.tar");
  std::filesystem::create_symlink(scratch_ / "nowhere", Dir() + "/3.tar");
  std::filesystem::create_directory(Dir() + "/4.tar");
  Write("5.tar", Archive(Image("5"), "registry.example/five:v1"));
  Start();
  ExpectFailed("1.tar", "load archive");
  ExpectFailed("2.tar", "not a regular file");
  ExpectFailed("4.tar", "not a regular file");
  ExpectLoaded("5.tar", "registry.example/five:v1");
  Write("1.tar", Archive(Image("1"), "registry.example/one:v1"));
  ExpectLoaded("1.tar", "registry.example/one:v1");
}

TEST_F(Preload, AStartDoesNotLoadAgainWhatTheNodeHas) {
  Write("1.tar", Archive(Image("1"), "registry.example/one:v1"));
  Write("2.tar", Archive(Image("2"), "registry.example/two:v1"));
  Start();
  ExpectLoaded("1.tar", "registry.example/one:v1");
  ExpectLoaded("2.tar", "registry.example/two:v1");
  preloader_.reset();
  ASSERT_TRUE(store_->Remove("registry.example/two:v1"));
  Start();
  ExpectLoaded("2.tar", "registry.example/two:v1");
  std::lock_guard lock(mutex_);
  EXPECT_THAT(events_, SizeIs(3));
}

TEST_F(Preload, AFileIsReadAgainWhileTheReasonMayPass) {
  retry_ms_ = 100;
  Write("1.tar", Archive(Image("1"), "registry.example/one:v1"));
  records_.fail_put = true;
  Start();
  ExpectFailed("1.tar", "No space left");
  ExpectFailed("1.tar", "No space left");
  records_.fail_put = false;
  PreloadEvent event = Next();
  while (event.error) event = Next();
  EXPECT_EQ(event.image, "registry.example/one:v1");
}

TEST_F(Preload, WhatTheSameFileWouldGiveAgainIsNotReadAgain) {
  retry_ms_ = 5;
  ListWithoutRegistry();
  Write("1.tar", kNoArchive);
  TarMember deep;
  std::string path;
  for (int i = 0; i < 600; ++i) path += "d/";
  deep.pax = {{"path", path + "f"}};
  Write("2.tar", TarBuilder().Add(deep).Finish());
  Start();
  ExpectFailed("0.txt", "pull");
  ExpectFailed("1.tar", "load archive");
  ExpectFailed("2.tar", "too deep");
  ExpectOnlyTheListIsReadAgain(4);
}

TEST_F(Preload, AnArchiveIsReadAgainFiveTimesAtMost) {
  retry_ms_ = 1;
  Write("1.tar", Archive(Image("1"), "registry.example/one:v1"));
  records_.fail_put = true;
  Start();
  for (int i = 0; i < 6; ++i) ExpectFailed("1.tar", "No space left");
  ListWithoutRegistry();
  ExpectOnlyTheListIsReadAgain(16);  // the longest pause has passed
}

TEST_F(Preload, LookingAgainReadsNoFileThatHasFailedForGoodOrIsToWait) {
  Write("1.tar", kNoArchive);
  Write("2.tar", Archive(Image("2"), "registry.example/two:v1"));
  records_.fail_put = true;
  Start();
  ExpectFailed("1.tar", "load archive");
  ExpectFailed("2.tar", "No space left");
  records_.fail_put = false;
  preloader_->LookAgain();
  Write("3.tar", Archive(Image("3"), "registry.example/three:v1"));
  ExpectLoaded("3.tar", "registry.example/three:v1");
}

TEST_F(Preload, AFileThatFailedInPartIsReadAgainWhenItsImageIsGone) {
  TestImage image = Image("1");
  Write("1.tar",
        TarBuilder()
            .File("c.json", image.config)
            .File("layer.tar", image.layers[0].blob)
            .File("manifest.json",
                  R"([{"Config":"c.json","RepoTags":["registry.example/one:v1"],"Layers":["layer.tar"]},)"
                  R"({"Config":"none","Layers":[]}])")
            .Finish());
  Start();
  ExpectFailed("1.tar", "none");
  ExpectLoaded("1.tar", "registry.example/one:v1");
  ASSERT_TRUE(store_->Remove("registry.example/one:v1"));
  preloader_->LookAgain();
  ExpectFailed("1.tar", "none");
  ExpectLoaded("1.tar", "registry.example/one:v1");
}

TEST_F(Preload, AnImageThatIsGoneIsLoadedWhenItLooksAgain) {
  Write("1.tar", Archive(Image("1"), "registry.example/one:v1"));
  Write("2.tar", Archive(Image("2"), "registry.example/two:v1"));
  Start();
  ExpectLoaded("1.tar", "registry.example/one:v1");
  ExpectLoaded("2.tar", "registry.example/two:v1");
  ASSERT_TRUE(store_->Remove("registry.example/two:v1"));
  preloader_->LookAgain();
  ExpectLoaded("2.tar", "registry.example/two:v1");
}

TEST_F(Preload, ATagThatWasTakenAwayIsGivenBackWithoutTheArchive) {
  Write("1.tar", Archive(Image("1"), "registry.example/one:v1"));
  Write("2.tar", Archive(Image("2"), "registry.example/two:v1"));
  Start();
  ExpectLoaded("1.tar", "registry.example/one:v1");
  ExpectLoaded("2.tar", "registry.example/two:v1");
  ASSERT_TRUE(store_->Untag("registry.example/one:v1"));
  int stagings = layers_.stagings;
  Start();
  ExpectLoaded("1.tar", "registry.example/one:v1");
  EXPECT_EQ(layers_.stagings, stagings) << "nothing is read again";
}

TEST_F(Preload, ATagThatAnotherImageHasGotStaysWithIt) {
  Write("1.tar", Archive(Image("1"), "registry.example/one:v1"));
  Write("2.tar", Archive(Image("2"), "registry.example/two:v1"));
  Start();
  ExpectLoaded("1.tar", "registry.example/one:v1");
  ExpectLoaded("2.tar", "registry.example/two:v1");
  std::string two = store_->Find("registry.example/two:v1")->id;
  ASSERT_TRUE(store_->Tag(two, "registry.example/one:v1"));
  ASSERT_TRUE(store_->Untag("registry.example/two:v1"));
  Start();
  ExpectLoaded("2.tar", "registry.example/two:v1");
  EXPECT_EQ(store_->Find("registry.example/one:v1")->id, two);
}

TEST_F(Preload, AnImageWithoutANameIsWarnedAbout) {
  TestImage image = Image("1");
  Write("1.tar", TarBuilder()
                     .File("c.json", image.config)
                     .File("layer.tar", image.layers[0].blob)
                     .File("manifest.json", R"([{"Config":"c.json","Layers":["layer.tar"]}])")
                     .Finish());
  Start();
  PreloadEvent event = Next();
  EXPECT_EQ(event.image, image.config_digest);
  EXPECT_THAT(event.warnings, ElementsAre(HasSubstr("names no repository")));
}

TEST_F(Preload, AListNamesImagesToPull) {
  std::atomic<bool> up = false;
  FakeServer server(
      [&](const FakeRequest& request) { return up ? Serve(image_, request) : FakeResponse{404, {}, ""}; });
  retry_ms_ = 50;
  std::string name = server.host() + "/app:v1";
  Write("images.txt", "# a comment\n\n  " + name + "  # the application\r\nBad Name\n");
  Start();
  ExpectFailed("images.txt", "pull " + name);
  ExpectFailed("images.txt", "parse image reference");
  up = true;
  PreloadEvent event = Next();
  while (event.error) event = Next();
  EXPECT_EQ(event.image, name);
  auto image = store_->Find(name);
  ASSERT_TRUE(image);
  EXPECT_TRUE(image->pinned);
  size_t requests = server.requests().size();
  preloader_.reset();
  Write("images.txt", name + "\n");
  {
    std::lock_guard lock(mutex_);
    taken_ = events_.size();
  }
  Start();
  ExpectLoaded("images.txt", name);
  EXPECT_EQ(server.requests().size(), requests) << "the node has it: no registry is asked";
}

TEST_F(Preload, TheDirectoryMayBeReplaced) {
  Start();
  std::filesystem::rename(Dir(), scratch_ / "old");
  std::filesystem::create_directories(scratch_ / "new");
  std::ofstream(scratch_ / "new/1.tar", std::ios::binary) << Archive(Image("1"), "registry.example/one:v1");
  // It is made again at once, and noticed as any other: by moving the file into it.
  for (int i = 0; i < 500 && !std::filesystem::exists(Dir()); ++i) usleep(10'000);
  std::filesystem::rename(scratch_ / "new/1.tar", Dir() + "/1.tar");
  ExpectLoaded("1.tar", "registry.example/one:v1");
}

TEST_F(Preload, EndsInTheMiddleOfAPull) {
  FakeServer server([&](const FakeRequest&) {
    FakeResponse response{200, {}, "x", 100};
    response.stall = true;
    return response;
  });
  Write("images.txt", server.host() + "/app:v1\n");
  Start();
  for (int i = 0; i < 500 && server.requests().empty(); ++i) usleep(10'000);
  preloader_.reset();
  EXPECT_THAT(events_, IsEmpty());
  ExpectNothingLeft();
}

}  // namespace
}  // namespace davit::images
