// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Container logs.

#include <sys/stat.h>

#include <filesystem>

#include "base/file_io.h"
#include "tests/e2e/log_file.h"
#include "tests/e2e/pod_test.h"

namespace davit::e2e {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::SizeIs;

constexpr size_t kMaxLine = 16384;

class Logs : public PodTest {
 protected:
  std::vector<LogLine> LinesOf(const std::string& script) {
    return ReadLog(RunToEnd(ShellConfig(script)).log_path());
  }
};

TEST_F(Logs, EachLineCarriesItsStream) {
  std::vector<LogLine> lines = LinesOf("echo out; sleep 0.1; echo err >&2; sleep 0.1; echo again");

  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_EQ(lines[0].stream + lines[0].content, "stdoutout");
  EXPECT_EQ(lines[1].stream + lines[1].content, "stderrerr");
  EXPECT_EQ(lines[2].stream + lines[2].content, "stdoutagain");
  EXPECT_LE(lines[0].time, lines[1].time);
  EXPECT_LE(lines[1].time, lines[2].time);
}

TEST_F(Logs, AnEmptyLineIsALine) {
  EXPECT_THAT(LinesOf("echo; echo after"),
              ElementsAre(Field(&LogLine::content, ""), Field(&LogLine::content, "after")));
}

TEST_F(Logs, ALongLineIsSplitAndPutTogetherAgainByItsTags) {
  const size_t length = 2 * kMaxLine + 100;
  std::vector<LogLine> lines =
      LinesOf("head -c " + std::to_string(length) + " /dev/zero | tr '\\0' x; echo; echo next");

  size_t collected = 0;
  size_t index = 0;
  for (; lines.at(index).partial; ++index) {
    EXPECT_LE(lines[index].content.size(), kMaxLine);
    collected += lines[index].content.size();
  }
  EXPECT_EQ(collected + lines[index].content.size(), length);
  EXPECT_EQ(lines.at(index + 1).content, "next");
}

TEST_F(Logs, ALastLineWithoutNewlineIsNotLost) {
  std::vector<LogLine> lines = LinesOf("printf 'no newline'");

  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_EQ(lines[0].content, "no newline");
  EXPECT_TRUE(lines[0].partial);
}

TEST_F(Logs, EverythingIsThereWhenTheExitIsSeen) {
  for (int round = 0; round < 20; ++round) {
    std::vector<LogLine> lines = LinesOf("seq 1 2000");
    ASSERT_THAT(lines, SizeIs(2000)) << "round " << round;
    EXPECT_EQ(lines.back().content, "2000");
  }
}

TEST_F(Logs, AReopenedLogGoesOnInANewFile) {
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string pod = RunPod(pod_config);
  std::string container = CreateAndStart(
      pod, pod_config,
      ShellConfig("trap 'exit 0' TERM; i=0; while true; do i=$((i+1)); echo $i; sleep 0.01; done"));
  std::string path = StatusOf(container).log_path();
  WaitUntil("the first lines are there", [&] { return CountLines(path) > 10; });

  std::filesystem::rename(path, path + ".1");
  v1::ReopenContainerLogRequest request;
  request.set_container_id(container);
  Must(cri().Ask(&RuntimeStub::ReopenContainerLog, request));
  WaitUntil("the new file has lines", [&] { return CountLines(path) > 10; });
  StopContainer(container, 5);

  std::vector<LogLine> lines = ReadLog(path + ".1");
  for (const LogLine& line : ReadLog(path)) lines.push_back(line);
  for (size_t index = 0; index < lines.size(); ++index)
    EXPECT_EQ(lines[index].content, std::to_string(index + 1));
}

TEST_F(Logs, ReopeningTheLogOfAStoppedContainerIsRefused) {
  std::string container = RunIdle();
  StopContainer(container, 5);
  v1::ReopenContainerLogRequest request;
  request.set_container_id(container);

  EXPECT_THAT(cri().Ask(&RuntimeStub::ReopenContainerLog, request),
              FailsWith(grpc::StatusCode::FAILED_PRECONDITION, container));
}

TEST_F(Logs, ALogPathThatIsASymbolicLinkIsNotFollowed) {
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string pod = RunPod(pod_config);
  std::filesystem::create_directories(pod_config.log_directory());
  std::string outside = instance().directory() + "/outside.log";
  std::filesystem::create_symlink(outside, pod_config.log_directory() + "/idle.log");

  EXPECT_ANY_THROW(CreateAndStart(pod, pod_config, IdleConfig()));
  EXPECT_FALSE(std::filesystem::exists(outside));
}

TEST_F(Logs, ReopeningFollowsNoSymbolicLinkEither) {
  v1::ReopenContainerLogRequest request;
  request.set_container_id(RunIdle());
  std::string path = StatusOf(request.container_id()).log_path();
  std::string outside = instance().directory() + "/reopened.log";
  std::filesystem::remove(path);
  std::filesystem::create_symlink(outside, path);

  EXPECT_FALSE(cri().Ask(&RuntimeStub::ReopenContainerLog, request).status.ok());
  EXPECT_FALSE(std::filesystem::exists(outside));
}

TEST_F(Logs, AContainerWithoutALogPathRuns) {
  v1::ContainerConfig config = ShellConfig("echo dropped");
  config.clear_log_path();

  EXPECT_EQ(RunToEnd(config).exit_code(), 0);
}

}  // namespace
}  // namespace davit::e2e
