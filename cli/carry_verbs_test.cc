// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// push, save and load.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <stdlib.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/file_io.h"
#include "cli/testing/verb_fixture.h"

namespace davit::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class CarryVerbs : public VerbFixture {
 protected:
  std::string File() const { return dir_.path() + "/images.tar"; }
  std::vector<std::string> Files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(dir_.path()))
      if (entry.is_regular_file()) names.push_back(entry.path().filename().string());
    return names;
  }
  // A terminal, whose other end nobody reads.
  UniqueFd Terminal() {
    terminal_ = UniqueFd(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    EXPECT_EQ(unlockpt(terminal_.get()), 0);
    return UniqueFd(open(ptsname(terminal_.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
  }

  UniqueFd terminal_;
};

TEST_F(CarryVerbs, PushPrintsALinePerChangeOfALayer) {
  EXPECT_EQ(Answer(PushOptions{.image = "app"}),
            "Pushing app\n"
            "aaaaaaaaaaaa: Mounted from another repository\n"
            "bbbbbbbbbbbb: Pushing\n"
            "bbbbbbbbbbbb: Pushed\n"
            "latest: digest: sha256:" +
                std::string(64, 'd') +
                " size: 527\n"
                "docker.io/library/app:latest\n");
}

TEST_F(CarryVerbs, AQuietPushPrintsTheNameOnly) {
  EXPECT_EQ(Answer(PushOptions{.image = "app", .quiet = true}), "docker.io/library/app:latest\n");
  auto json = nlohmann::json::parse(Answer(PushOptions{.image = "app"}, OutputFormat::kJson));
  EXPECT_EQ(json["image"], "docker.io/library/app:latest");
  EXPECT_EQ(json["size"], 527);
}

TEST_F(CarryVerbs, APushThatIsNotTheWholeIndexSaysSo) {
  EXPECT_EQ(Do(PushOptions{.image = "partly", .quiet = true}).value(), 0);
  EXPECT_EQ(console_.Err(), "davit: only one platform\n");
}

TEST_F(CarryVerbs, APushUsesTheCredentialsOfTargetAndSources) {
  Result<int> refused = Do(PushOptions{.image = "private.test/app"});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().ToString(), EndsWith("log in: davit login private.test"));
  std::filesystem::create_directories(docker_config());
  std::ofstream(docker_config() + "/config.json")
      << R"({"auths":{"private.test":{"auth":"dXNlcjpzZWNyZXQ="},"https://index.docker.io/v1/":{"auth":"aHViOnB3"}}})";
  EXPECT_EQ(Do(PushOptions{.image = "private.test/app", .quiet = true}).value(), 0);
  EXPECT_EQ(Do(PushOptions{.image = "busybox", .quiet = true}).value(), 0);
  auto pushes = cri_.images().pushes();
  ASSERT_THAT(pushes, SizeIs(2));
  EXPECT_EQ(pushes[0].credentials().username(), "user");
  EXPECT_EQ(pushes[0].credentials().server_address(), "private.test");
  ASSERT_THAT(pushes[1].source_credentials(), SizeIs(1)) << "where busybox came from";
  EXPECT_EQ(pushes[1].source_credentials(0).username(), "hub");
  EXPECT_EQ(pushes[1].source_credentials(0).server_address(), "docker.io");
}

TEST_F(CarryVerbs, AnInterruptEndsAPush) {
  Press();
  Result<int> status = Do(PushOptions{.image = "slow"});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().ToString(), "interrupted");
}

TEST_F(CarryVerbs, SaveWritesTheArchiveToItsOutputOrAFile) {
  EXPECT_EQ(Answer(SaveOptions{.images = {"one", "two"}}), "archive of one\narchive of two\n");
  EXPECT_EQ(Answer(SaveOptions{.images = {"busybox"}, .file = File()}), "");
  EXPECT_EQ(ReadFile(File()).value(), "archive of busybox\n");
  EXPECT_THAT(Files(), ElementsAre("images.tar"));
}

TEST_F(CarryVerbs, SaveDoesNotWriteToATerminal) {
  UniqueFd terminal = Terminal();
  Console console{.out = terminal.get()};
  Session session{daemon_, console, interrupt_};
  Result<int> status = Perform(session, SaveOptions{.images = {"busybox"}});
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().ToString(), HasSubstr("-o FILE"));
  EXPECT_THAT(cri_.images().exports(), IsEmpty());
}

TEST_F(CarryVerbs, ASaveThatFailsLeavesNoFile) {
  for (const char* image : {"missing", "broken"}) {
    EXPECT_FALSE(Do(SaveOptions{.images = {image}, .file = File()}));
    EXPECT_THAT(Files(), IsEmpty()) << image;
  }
  Press();
  Result<int> status = Do(SaveOptions{.images = {"slow"}, .file = File()});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().ToString(), "interrupted");
  EXPECT_THAT(Files(), IsEmpty());
}

TEST_F(CarryVerbs, AnOutputThatIsFullEndsASave) {
  Result<int> status = Do(SaveOptions{.images = {"endless"}, .file = "/dev/full"});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kResourceExhausted);
}

TEST_F(CarryVerbs, LoadNamesWhatItLoaded) {
  std::ofstream(File()) << std::string(1 << 20, 'a');
  EXPECT_EQ(Answer(LoadOptions{.file = File()}),
            "aaaaaaaaaaaa: Loaded\n"
            "Loaded image: docker.io/library/loaded:v1\n"
            "Loaded image ID: sha256:" +
                std::string(64, 'd') + "\n");
  EXPECT_THAT(cri_.images().imports(), ElementsAre(std::string(1 << 20, 'a')));
}

TEST_F(CarryVerbs, AQuietLoadReadsItsInputAndShowsNoLayers) {
  console_.SetInput("archive");
  EXPECT_EQ(Do(LoadOptions{.quiet = true}).value(), 0);
  EXPECT_THAT(cri_.images().imports(), ElementsAre("archive"));
  EXPECT_EQ(console_.Out().find("aaaaaaaaaaaa"), std::string::npos);
  EXPECT_EQ(console_.Err(), "davit: a name is left out\n");
}

TEST_F(CarryVerbs, ImagesThatCannotBeLoadedAreAnError) {
  console_.SetInput("bad");
  Result<int> status = Do(LoadOptions{});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().ToString(), "load two: no such layer");
  EXPECT_THAT(console_.Err(), HasSubstr("load one: no such layer"));
  EXPECT_THAT(console_.Out(), HasSubstr("Loaded image: docker.io/library/loaded:v1\n"));
  console_.SetInput("bad");
  CapturedConsole json(OutputFormat::kJson);
  json.SetInput("bad");
  Session session{daemon_, json.console(), interrupt_};
  EXPECT_FALSE(Perform(session, LoadOptions{}));
  EXPECT_EQ(nlohmann::json::parse(json.Out())[2]["error"], "load one: no such layer");
}

// The daemon's answer comes while the input still waits for a writer.
TEST_F(CarryVerbs, ALoadThatFailsDoesNotWaitForItsInput) {
  int fds[2];
  ASSERT_EQ(pipe2(fds, O_CLOEXEC), 0);
  UniqueFd reader(fds[0]);
  UniqueFd writer(fds[1]);
  ASSERT_TRUE(WriteAll(writer.get(), "full", "pipe"));
  CapturedConsole captured;
  Console console = captured.console();
  console.in = reader.get();
  Session session{daemon_, console, interrupt_};
  Result<int> status = Perform(session, LoadOptions{});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().ToString(), "the disk is full");
}

TEST_F(CarryVerbs, AnInterruptEndsALoadThatWaitsForItsInput) {
  int fds[2];
  ASSERT_EQ(pipe2(fds, O_CLOEXEC), 0);
  UniqueFd reader(fds[0]);
  UniqueFd writer(fds[1]);
  CapturedConsole captured;
  Console console = captured.console();
  console.in = reader.get();
  Session session{daemon_, console, interrupt_};
  Press();
  Result<int> status = Perform(session, LoadOptions{});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().ToString(), "interrupted");
  EXPECT_THAT(cri_.images().imports(), IsEmpty());
}

TEST_F(CarryVerbs, ALoadFromWhatCannotBeReadIsCancelled) {
  Result<int> status = Do(LoadOptions{.file = "/"});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().os_errno, EISDIR) << status.error().ToString();
  EXPECT_THAT(cri_.images().imports(), IsEmpty());
  EXPECT_THAT(Do(LoadOptions{.file = File()}).error().ToString(), HasSubstr(File()));
}

TEST_F(CarryVerbs, LoadDoesNotReadFromATerminal) {
  UniqueFd terminal = Terminal();
  Console console{.in = terminal.get()};
  Session session{daemon_, console, interrupt_};
  Result<int> status = Perform(session, LoadOptions{});
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().ToString(), HasSubstr("-i FILE"));
}

}  // namespace
}  // namespace davit::cli
