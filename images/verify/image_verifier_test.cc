// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/verify/image_verifier.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "base/file_io.h"
#include "base/time.h"
#include "base/unique_fd.h"
#include "images/testing/verifier_directory.h"

namespace davit::images {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

const std::string kDigest = "sha256:" + std::string(64, 'a');

class ImageVerifierTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: verifiers run in a PID namespace";
    config_.directory = directory_.path();
    config_.runner = DAVIT_VERIFY_PROGRAM;
    config_.report = [this](const VerifierNote& note) {
      (note.warning ? warnings_ : notes_).push_back(note.verifier + ": " + note.text);
    };
  }
  Result<> Verify() {
    Descriptor image{"application/vnd.oci.image.index.v1+json", kDigest, 1234, std::nullopt, {}};
    Interrupt interrupt([this] { return wanted_.load(); });
    return ImageVerifier(config_).Verify("registry.example/app:v1", image, interrupt);
  }
  void ExpectRefusal(Code code, const std::string& text) {
    auto verified = Verify();
    ASSERT_FALSE(verified) << text;
    EXPECT_EQ(verified.error().code, code) << verified.error().ToString();
    EXPECT_EQ(verified.error().reason, Reason::kSignatureValidationFailed);
    EXPECT_THAT(verified.error().ToString(), HasSubstr(text));
  }
  std::string Written(const std::string& name) { return ReadFile(directory_.File(name)).value_or("nothing"); }

  VerifierDirectory directory_;
  ImageVerifier::Config config_;
  std::atomic<bool> wanted_ = true;
  std::vector<std::string> notes_;
  std::vector<std::string> warnings_;
};

TEST_F(ImageVerifierTest, WithoutADirectoryOrAVerifierEveryImageIsAllowed) {
  EXPECT_TRUE(Verify());
  EXPECT_THAT(warnings_, IsEmpty());
  config_.directory = directory_.File("absent");
  EXPECT_TRUE(Verify());
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("does not exist")));
  config_.directory = "";
  config_.runner = "/absent";
  EXPECT_TRUE(Verify());
}

TEST_F(ImageVerifierTest, GivesNameAndDigestAsArgumentsAndTheDescriptorAsInput) {
  directory_.Add("v", "echo \"$@\" >" + directory_.File("arguments") + "; cat >" + directory_.File("input"));
  auto verified = Verify();
  ASSERT_TRUE(verified) << verified.error().ToString();
  EXPECT_EQ(Written("arguments"), "-name registry.example/app:v1 -digest " + kDigest +
                                      " -stdin-media-type application/vnd.oci.descriptor.v1+json\n");
  EXPECT_EQ(Written("input"), "{\"digest\":\"" + kDigest +
                                  "\",\"mediaType\":\"application/vnd.oci.image.index.v1+json\","
                                  "\"size\":1234}\n");
}

TEST_F(ImageVerifierTest, ARefusalHasTheVerifiersReasonOnOneLine) {
  directory_.Add("policy", "printf ' no signature\\n\\tof \\377 \\033[1mours\\n'; echo hint >&2; exit 3");
  ExpectRefusal(Code::kPermissionDenied,
                kDigest + ": verifier policy refused it with status 3: no signature of \xef\xbf\xbd [1mours");
  EXPECT_THAT(notes_, ElementsAre(AllOf(HasSubstr("/bin/policy: "), EndsWith("hint"))));
}

TEST_F(ImageVerifierTest, AllMustAllowTheImageInTheOrderOfTheirNames) {
  std::string append = " >>" + directory_.File("order");
  directory_.Add("30", "echo 30" + append);
  directory_.Add("10", "echo 10" + append);
  directory_.Add("20", "echo 20" + append);
  EXPECT_TRUE(Verify());
  directory_.Add("20", "echo no" + append + "; exit 1");
  ExpectRefusal(Code::kPermissionDenied, "verifier 20 refused");
  EXPECT_EQ(Written("order"), "10\n20\n30\n10\nno\n");
}

TEST_F(ImageVerifierTest, VerifiersBeyondTheLimitAreSkippedWithAWarning) {
  directory_.Add("a", "exit 0");
  directory_.Add("b", "exit 1");
  config_.max_verifiers = 1;
  EXPECT_TRUE(Verify());
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("1 verifiers were skipped")));
  config_.max_verifiers = -1;
  EXPECT_FALSE(Verify());
}

// Holds a FIFO open for writing while it and its children live.
class Lifeline {
 public:
  explicit Lifeline(const std::string& path) : path_(path) {
    mkfifo(path.c_str(), 0600);
    fd_.Reset(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  }
  std::string Commands() const { return "exec 9>" + path_ + "; echo up >&9; "; }

  // Waits until somebody has held it and nobody does any more.
  bool WaitForTheEnd() const {
    bool held = false;
    for (int64_t end = MonotonicMilliseconds() + 10'000; MonotonicMilliseconds() < end;) {
      pollfd entry{fd_.get(), POLLIN, 0};
      if (poll(&entry, 1, 100) <= 0) continue;
      char buffer[64];
      ssize_t size = read(fd_.get(), buffer, sizeof buffer);
      if (size > 0) held = true;
      if (size == 0 && held) return true;
      if (size == 0) usleep(1000);
    }
    return false;
  }

 private:
  std::string path_;
  UniqueFd fd_;
};

TEST_F(ImageVerifierTest, AHangingVerifierIsKilledWithAllThatItHasStarted) {
  Lifeline lifeline(directory_.File("lifeline"));
  directory_.Add("v", lifeline.Commands() + "setsid sleep 600 & sleep 600");
  config_.timeout_ms = 500;
  int64_t before = MonotonicMilliseconds();
  ExpectRefusal(Code::kDeadlineExceeded, "killed after 500 ms");
  EXPECT_LT(MonotonicMilliseconds() - before, 5000);
  EXPECT_TRUE(lifeline.WaitForTheEnd());
}

TEST_F(ImageVerifierTest, WhatAVerifierLeavesRunningEndsWithIt) {
  Lifeline lifeline(directory_.File("lifeline"));
  directory_.Add("v", lifeline.Commands() + "(setsid sleep 600 &) ; exit 0");
  EXPECT_TRUE(Verify());
  EXPECT_TRUE(lifeline.WaitForTheEnd());
}

TEST_F(ImageVerifierTest, AVerifierEndsWithAPullThatIsCancelled) {
  Lifeline lifeline(directory_.File("lifeline"));
  directory_.Add("v", lifeline.Commands() + "sleep 600");
  std::thread canceller([this] {
    usleep(300'000);
    wanted_ = false;
  });
  auto verified = Verify();
  canceller.join();
  EXPECT_EQ(verified.error().code, Code::kCancelled);
  EXPECT_EQ(verified.error().reason, Reason::kNone);
  EXPECT_TRUE(lifeline.WaitForTheEnd());
}

// Were the verifier the first process of its PID namespace, it could not abort.
TEST_F(ImageVerifierTest, ACrashIsARefusal) {
  directory_.Add("v", "kill -ABRT $$; exit 0");
  ExpectRefusal(Code::kPermissionDenied, "with status 134");
}

TEST_F(ImageVerifierTest, AProgramThatCannotRunIsARefusal) {
  directory_.AddFile("v", "#!/absent/interpreter\n");
  ExpectRefusal(Code::kPermissionDenied, "with status 126: execve " + directory_.path() + "/v: No such file");
  config_.runner = "/absent/davit-verify";
  ExpectRefusal(Code::kNotFound, "/absent/davit-verify");
}

TEST_F(ImageVerifierTest, LongOutputIsCutAndDoesNotCount) {
  std::string flood = "head -c 5000000 /dev/zero | tr '\\0' x; head -c 5000000 /dev/zero | tr '\\0' y >&2; ";
  directory_.Add("v", flood + "exit 0");
  EXPECT_TRUE(Verify());
  for (const std::string& note : notes_) EXPECT_LT(note.size(), 34'000u);
  directory_.Add("v", flood + "exit 1");
  auto refused = Verify();
  ASSERT_FALSE(refused);
  EXPECT_LT(refused.error().ToString().size(), 1500u);
  EXPECT_THAT(refused.error().ToString(), EndsWith("xxx..."));
}

TEST_F(ImageVerifierTest, HasNoDescriptorOfTheDaemonAndLittleOfItsEnvironment) {
  UniqueFd inheritable(fcntl(STDERR_FILENO, F_DUPFD, 77));
  setenv("DAVIT_TEST_SECRET", "secret", 1);
  setenv("https_proxy", "http://proxy.example", 1);
  directory_.Add("v", "env >" + directory_.File("environment") + "; cd /proc/self/fd; echo * >" +
                          directory_.File("descriptors") + "; [ ! -e /proc/self/fd/77 ] || echo 77 leaks");
  EXPECT_TRUE(Verify());
  unsetenv("DAVIT_TEST_SECRET");
  unsetenv("https_proxy");
  EXPECT_THAT(Written("environment"),
              AllOf(HasSubstr("PATH=/usr/local/sbin:"), HasSubstr("https_proxy=http://proxy.example\n"),
                    Not(HasSubstr("SECRET"))));
  EXPECT_THAT(notes_, Not(Contains(HasSubstr("leaks"))));
  EXPECT_THAT(Written("descriptors"), AllOf(StartsWith("0 1 "), Not(HasSubstr("77"))));
}

TEST_F(ImageVerifierTest, NobodyButRootMayWriteToTheDirectoryOrAProgram) {
  directory_.Add("v", "exit 0");
  const std::string program = directory_.path() + "/v";
  ASSERT_TRUE(Verify());
  struct Case {
    std::string path;
    mode_t mode;
    uid_t owner;
    gid_t group;
    const char* why;
  };
  const Case kCases[] = {
      {directory_.path(), 0777, 0, 0, "others than root may write"},
      {directory_.path(), 01777, 0, 0, "others than root may write"},
      {directory_.path(), 0775, 0, 1, "others than root may write"},
      {directory_.path(), 0755, 1, 0, "does not belong to root"},
      {fs::path(directory_.path()).parent_path(), 0777, 0, 0, "others than root may write"},
      {program, 0757, 0, 0, "others than root may write"},
      {program, 0755, 1, 0, "does not belong to root"},
      {program, 0644, 0, 0, "not an executable file"},
  };
  for (const Case& bad : kCases) {
    ASSERT_EQ(chmod(bad.path.c_str(), bad.mode), 0);
    ASSERT_EQ(lchown(bad.path.c_str(), bad.owner, bad.group), 0);
    ExpectRefusal(Code::kFailedPrecondition, bad.path + ": ");
    ExpectRefusal(Code::kFailedPrecondition, bad.why);
    ASSERT_EQ(lchown(bad.path.c_str(), 0, 0), 0);
    ASSERT_EQ(chmod(bad.path.c_str(), 0755), 0);
  }
  ASSERT_EQ(chmod(fs::path(directory_.path()).parent_path().c_str(), 01777), 0);
  EXPECT_TRUE(Verify()) << "nobody else can replace an entry that belongs to root";
}

TEST_F(ImageVerifierTest, SymbolicLinksAndDirectoriesAreNoVerifiers) {
  fs::create_symlink("/bin/true", directory_.path() + "/v");
  ExpectRefusal(Code::kFailedPrecondition, "/v: it is a symbolic link");
  fs::remove(directory_.path() + "/v");
  fs::create_directory(directory_.path() + "/v");
  ExpectRefusal(Code::kFailedPrecondition, "/v: it is not an executable file");
  fs::remove(directory_.path() + "/v");
  fs::create_symlink(directory_.path(), directory_.File("link"));
  config_.directory = directory_.File("link");
  ExpectRefusal(Code::kFailedPrecondition, "/link: it is a symbolic link or no directory");
}

}  // namespace
}  // namespace davit::images
