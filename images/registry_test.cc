// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The store against a real registry (docker-registry), filled by a real client (skopeo), compared with a real
// unpacker (umoci). All of it on loopback and in a temporary directory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>

#include <atomic>
#include <fstream>
#include <random>
#include <thread>

#include "base/file_io.h"
#include "base/time.h"
#include "images/digest.h"
#include "images/image_store.h"
#include "images/testing/command.h"
#include "images/testing/fake_server.h"
#include "images/testing/fake_stores.h"
#include "images/testing/fault_proxy.h"
#include "images/testing/scratch_dir.h"
#include "images/testing/store_fixture.h"
#include "images/testing/tar_builder.h"
#include "images/testing/test_image.h"
#include "images/testing/tree_listing.h"

namespace davit::images {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// One of everything that a layer can hold, and three layers that change it.
TestImage RichImage() {
  TarMember tool;
  tool.name = "usr/bin/tool";
  tool.data = std::string(300'000, 't');
  tool.mode = 04755;
  tool.pax = {{"SCHILY.xattr.user.note", "rich"},
              {"SCHILY.xattr.security.capability",
               std::string("\x01\x00\x00\x02\x00\x20\x00\x00", 8) + std::string(12, '\0')},
              {"mtime", "1500000000.25"}};
  TarMember big_ids;
  big_ids.name = "usr/" + std::string(120, 'n');
  big_ids.uid = 3'000'000;
  big_ids.gid = 4'000'000;
  big_ids.pax = {{"path", "usr/" + std::string(120, 'n')}};
  TarMember null;
  null.name = "dev/null";
  null.type = '3';
  null.mode = 0666;
  null.major = 1;
  null.minor = 3;
  TarMember fifo;
  fifo.name = "run/fifo";
  fifo.type = '6';
  TarBuilder base;
  base.Dir("./")
      .Dir("usr")
      .Dir("usr/bin", 0711)
      .Add(tool)
      .HardLink("usr/bin/same", "usr/bin/tool")
      .Add(big_ids);
  base.Dir("dev").Add(null).Dir("run", 01777).Add(fifo).Symlink("bin", "usr/bin").Dir("etc", 0700);
  base.File("etc/keep", "k")
      .File("etc/remove", "r")
      .Dir("opt")
      .Dir("opt/a")
      .File("opt/a/x", "x")
      .File("opt/y", "y");
  base.Dir("tree").Dir("tree/sub").File("tree/sub/deep", "d").File("becomes-dir", "").Dir("becomes-file");
  base.File("becomes-file/x", "");
  TarBuilder change;
  change.Dir("etc", 0700)
      .Whiteout("etc/", "remove")
      .File("etc/add", "a")
      .Dir("opt")
      .Whiteout("opt/", ".wh..opq");
  change.File("opt/new", "n").Whiteout("", "tree").Dir("becomes-dir").File("becomes-dir/in", "");
  change.Whiteout("", "becomes-file").File("becomes-file", "f");
  TarBuilder top;
  top.File("usr/bin/late", "l").File("new/dir/file", "f").Dir("tree").File("tree/again", "t");
  return TestImage::Make({GzipLayer(base.Finish()), GzipLayer(change.Finish()), GzipLayer(top.Finish())});
}

// Directories of RichImage that no entry describes have the time of their making; umoci touches the root at
// the end.
const std::set<std::string> kUntimed = {"/", "/new", "/new/dir"};

// What overlayfs makes of the layers, seen in a mount namespace that goes with its thread.
std::string ListOverlay(const DirLayerStore& layers, const ImageSummary& image,
                        const std::string& mount_point) {
  std::string lowers;
  for (const std::string& chain_id : image.chain_ids) {
    lowers = layers.Path(chain_id) + (lowers.empty() ? "" : ":") + lowers;
  }
  std::filesystem::create_directories(mount_point);
  std::string listing;
  std::thread([&] {
    std::string options = "lowerdir=" + lowers;
    if (unshare(CLONE_NEWNS) < 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0 ||
        mount("overlay", mount_point.c_str(), "overlay", MS_RDONLY, options.c_str()) < 0) {
      listing = "cannot mount an overlay: " + ErrnoText(errno);
      return;
    }
    listing = ListTree(mount_point, kUntimed);
  }).join();
  return listing;
}

class Registry : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: unpacking makes namespaces";
    for (const char* program : {"docker-registry", "skopeo", "umoci", "htpasswd", "openssl"}) {
      if (!FindProgram(program)) GTEST_SKIP() << "needs " << program;
    }
    signal(SIGPIPE, SIG_IGN);
    options_.storage = scratch_ / "registry";
    config_.unpack_program = DAVIT_UNPACK_PROGRAM;
    config_.certs_d = scratch_ / "certs.d";
    config_.retry.first_pause_ms = 2;
    store_ = *ImageStore::Open(config_, layers_, records_, *blobs_);
  }

  // For a registry on 127.0.0.1.
  void MakeCertificate() {
    options_.certificate = scratch_ / "cert.pem";
    options_.key = scratch_ / "key.pem";
    auto made =
        RunProgram("openssl", {"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                               "-nodes", "-keyout", options_.key, "-out", options_.certificate, "-days", "2",
                               "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"});
    ASSERT_TRUE(made) << made.error().ToString();
  }
  void StartRegistry() {
    auto server = RegistryServer::Start(options_);
    ASSERT_TRUE(server) << server.error().ToString();
    server_.emplace(std::move(*server));
  }
  void Push(const TestImage& image, const std::string& name, std::vector<std::string> options = {}) {
    std::string layout = scratch_ / "layout";
    WriteOciLayout(layout, "t", image);
    std::vector<std::string> args = {"copy", "--insecure-policy", "--dest-tls-verify=false"};
    args.insert(args.end(), options.begin(), options.end());
    args.insert(args.end(), {"oci:" + layout + ":t", "docker://" + server_->host() + "/" + name});
    auto pushed = RunProgram("skopeo", args);
    ASSERT_TRUE(pushed) << pushed.error().ToString();
  }
  Result<PulledImage> Pull(const std::string& reference, std::optional<RegistryAuth> auth = std::nullopt) {
    return store_->Pull({reference, std::move(auth), 0, nullptr});
  }
  std::string BlobFile(const std::string& digest) {
    std::string hex = digest.substr(7);
    return options_.storage + "/docker/registry/v2/blobs/sha256/" + hex.substr(0, 2) + "/" + hex + "/data";
  }
  void WriteHosts(const std::string& host, const std::string& text) {
    std::filesystem::create_directories(config_.certs_d + "/" + host);
    std::ofstream(config_.certs_d + "/" + host + "/hosts.toml") << text;
  }
  void ExpectNothingLeft() {
    EXPECT_THAT(layers_.Staged(), IsEmpty());
    EXPECT_THAT(layers_.Layers(), IsEmpty());
    EXPECT_THAT(store_->List(), IsEmpty());
  }

  ScratchDir scratch_;
  RegistryServer::Options options_;
  std::optional<RegistryServer> server_;
  DirLayerStore layers_{scratch_.path()};
  MemoryRecords records_;
  std::unique_ptr<BlobStore> blobs_ = *BlobStore::Create(scratch_ / "blobs");
  ImageStore::Config config_;
  std::unique_ptr<ImageStore> store_;
};

TEST_F(Registry, LayersMakeTheTreeThatUmociMakes) {
  StartRegistry();
  TestImage image = RichImage();
  Push(image, "rich:v1");
  auto pulled = Pull(server_->host() + "/rich:v1");
  ASSERT_TRUE(pulled) << pulled.error().ToString();
  EXPECT_EQ(pulled->id, image.config_digest);
  auto unpacked = RunProgram("umoci", {"unpack", "--image", scratch_ / "layout:t", scratch_ / "bundle"});
  ASSERT_TRUE(unpacked) << unpacked.error().ToString();
  std::string ours = ListOverlay(layers_, *pulled, scratch_ / "merged");
  EXPECT_EQ(ours, ListTree(scratch_ / "bundle/rootfs", kUntimed));
  EXPECT_THAT(ours, HasSubstr("/usr/bin/same"));
}

TEST_F(Registry, TakesEveryCompressionAndDockersFormat) {
  StartRegistry();
  std::string tar = TarBuilder().File("f", std::string(100'000, 'z')).Finish();
  TestImage mixed = TestImage::Make({{tar, tar, "application/vnd.oci.image.layer.v1.tar"},
                                     {tar, Zstd(tar), "application/vnd.oci.image.layer.v1.tar+zstd"},
                                     GzipLayer(tar)});
  Push(mixed, "mixed");
  ASSERT_TRUE(Pull(server_->host() + "/mixed"));
  Push(TestImage::Make({GzipLayer(tar)}), "docker", {"--format", "v2s2"});
  auto docker = Pull(server_->host() + "/docker");
  ASSERT_TRUE(docker) << docker.error().ToString();
  EXPECT_THAT(store_->Read(docker->id)->manifest_json, HasSubstr("vnd.docker.distribution.manifest.v2"));
}

TEST_F(Registry, PullsByDigest) {
  StartRegistry();
  TestImage image = RichImage();
  Push(image, "app:v1");
  auto pulled = Pull(server_->host() + "/app@" + image.manifest_digest);
  ASSERT_TRUE(pulled) << pulled.error().ToString();
  EXPECT_THAT(pulled->repo_tags, IsEmpty());
  EXPECT_EQ(Pull(server_->host() + "/app@sha256:" + std::string(64, '0')).error().code, Code::kNotFound);
}

TEST_F(Registry, PasswordsAreChecked) {
  auto entry = RunProgram("htpasswd", {"-Bbn", "user", "right-one"});
  ASSERT_TRUE(entry) << entry.error().ToString();
  options_.htpasswd = scratch_ / "htpasswd";
  std::ofstream(options_.htpasswd) << *entry;
  StartRegistry();
  Push(RichImage(), "private", {"--dest-creds", "user:right-one"});
  RegistryAuth auth;
  auth.username = "user";
  auth.password = "wrong-one";
  for (const std::optional<RegistryAuth>& bad :
       {std::optional<RegistryAuth>(auth), std::optional<RegistryAuth>()}) {
    auto refused = Pull(server_->host() + "/private", bad);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kUnauthenticated) << refused.error().ToString();
    EXPECT_THAT(refused.error().ToString(), HasSubstr("127.0.0.1"));
    EXPECT_THAT(refused.error().ToString(), Not(HasSubstr("wrong-one")));
  }
  ExpectNothingLeft();
  auth.password = "right-one";
  auto pulled = Pull(server_->host() + "/private", auth);
  EXPECT_TRUE(pulled) << pulled.error().ToString();
}

TEST_F(Registry, TlsIsVerifiedAgainstTheConfiguredCa) {
  MakeCertificate();
  StartRegistry();
  Push(RichImage(), "secure");
  std::string server = "server = \"https://" + server_->host() + "\"\n";
  WriteHosts("registry.example", server);
  auto distrusted = Pull("registry.example/secure");
  ASSERT_FALSE(distrusted);
  EXPECT_EQ(distrusted.error().code, Code::kUnavailable);
  EXPECT_THAT(distrusted.error().ToString(), HasSubstr("certificate"));
  EXPECT_THAT(distrusted.error().ToString(),
              HasSubstr("write ca = \"FILE\" into " + config_.certs_d + "/registry.example/hosts.toml"));
  ExpectNothingLeft();
  WriteHosts("registry.example", server + "ca = \"ca.pem\"\n");
  std::filesystem::copy_file(options_.certificate, config_.certs_d + "/registry.example/ca.pem");
  auto pulled = Pull("registry.example/secure");
  EXPECT_TRUE(pulled) << pulled.error().ToString();
  WriteHosts("other.example", server + "skip_verify = true\n");
  EXPECT_TRUE(Pull("other.example/secure"));
  // And a loopback registry without any configuration, which may have a certificate of its own making.
  EXPECT_TRUE(Pull(server_->host() + "/secure"));
}

// A layer that the registry of the image does not have, and its descriptor says where it is.
TEST_F(Registry, AForeignLayerComesFromItsUrl) {
  MakeCertificate();
  StartRegistry();
  std::filesystem::create_directories(config_.certs_d + "/" + server_->host());
  std::filesystem::copy_file(options_.certificate, config_.certs_d + "/" + server_->host() + "/ca.crt");
  Push(RichImage(), "vendor");
  TestLayer layer = RichImage().layers[0];
  layer.media_type = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
  std::string blobs = "://" + server_->host() + "/v2/vendor/blobs/";
  std::string good = "https" + blobs + *Sha256Of(layer.blob);
  std::string other = "https" + blobs + *Sha256Of(RichImage().layers[1].blob);
  std::string missing = "https" + blobs + "sha256:" + std::string(64, '0');

  auto pull = [&](const std::vector<std::string>& urls) {
    layer.urls = urls;
    TestImage image = TestImage::Make({layer});
    image.blobs.erase(*Sha256Of(layer.blob));
    FakeServer registry([&](const FakeRequest& request) { return Serve(image, request); });
    auto pulled = Pull(registry.host() + "/app");
    for (const FakeRequest& request : registry.requests()) EXPECT_EQ(request.Header("authorization"), "");
    return pulled;
  };
  EXPECT_EQ(pull({}).error().code, Code::kNotFound);
  EXPECT_EQ(pull({missing}).error().code, Code::kNotFound);
  auto plain = pull({"http" + blobs + *Sha256Of(layer.blob)});
  ASSERT_FALSE(plain);
  EXPECT_THAT(plain.error().ToString(), HasSubstr("not https"));
  auto wrong = pull({other});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Code::kDataLoss) << wrong.error().ToString();
  ExpectNothingLeft();
  auto pulled = pull({missing, other, good});
  ASSERT_TRUE(pulled) << pulled.error().ToString();
  EXPECT_THAT(layers_.Layers(), SizeIs(1));
}

TEST_F(Registry, AForeignLayersServerIsVerified) {
  MakeCertificate();
  StartRegistry();
  Push(RichImage(), "vendor");
  TestLayer layer = RichImage().layers[0];
  layer.urls = {"https://" + server_->host() + "/v2/vendor/blobs/" + *Sha256Of(layer.blob)};
  WriteHosts(server_->host(), "server = \"https://" + server_->host() + "\"\n");  // without its CA
  TestImage image = TestImage::Make({layer});
  image.blobs.erase(*Sha256Of(layer.blob));
  FakeServer registry([&](const FakeRequest& request) { return Serve(image, request); });
  auto pulled = Pull(registry.host() + "/app");
  ASSERT_FALSE(pulled);
  EXPECT_THAT(pulled.error().ToString(), HasSubstr("certificate"));
}

TEST_F(Registry, AMirrorServesAnotherRegistrysImages) {
  StartRegistry();
  TestImage image = RichImage();
  Push(image, "e2e/app:v1");
  WriteHosts("registry.k8s.io",
             "server = \"https://127.0.0.1:1\"\n[host.\"http://" + server_->host() + "\"]\n");
  auto pulled = Pull("registry.k8s.io/e2e/app:v1");
  ASSERT_TRUE(pulled) << pulled.error().ToString();
  EXPECT_EQ(pulled->repo_tags[0], "registry.k8s.io/e2e/app:v1");
}

TEST_F(Registry, ATamperedOrTruncatedBlobIsDataLoss) {
  StartRegistry();
  TestImage image = RichImage();
  Push(image, "app");
  std::string file = BlobFile(*Sha256Of(image.layers[1].blob));
  std::string good = *ReadFile(file);
  std::string tampered = good;
  tampered[good.size() - 20] = static_cast<char>(tampered[good.size() - 20] ^ 1);
  for (const std::string& bad : {tampered, good.substr(0, good.size() / 2)}) {
    std::ofstream(file, std::ios::trunc) << bad;
    auto pulled = Pull(server_->host() + "/app");
    ASSERT_FALSE(pulled);
    EXPECT_EQ(pulled.error().code, Code::kDataLoss) << pulled.error().ToString();
    EXPECT_THAT(pulled.error().ToString(), HasSubstr(server_->host()));
    EXPECT_THAT(pulled.error().ToString(), HasSubstr(*Sha256Of(image.layers[1].blob)));
    ExpectNothingLeft();
  }
  std::ofstream(file, std::ios::trunc) << good;
  EXPECT_TRUE(Pull(server_->host() + "/app"));
}

// A layer of 24 MiB that does not compress.
TestImage BigImage() {
  std::mt19937 random(1);
  std::string data(24 << 20, '\0');
  for (char& c : data) c = static_cast<char>(random());
  return TestImage::Make({GzipLayer(TarBuilder().File("small", "s").Finish()),
                          GzipLayer(TarBuilder().File("big", data).Finish()),
                          GzipLayer(TarBuilder().File("last", "l").Finish())});
}

TEST_F(Registry, APullThatIsCutTenTimesFetchesLittleTwice) {
  StartRegistry();
  TestImage image = BigImage();
  Push(image, "big");
  const std::string digest = *Sha256Of(image.layers[1].blob);
  std::atomic<int> cuts = 0;
  FaultProxy proxy(server_->host(), [&](const std::string& head) {
    bool cut = head.find(digest) != std::string::npos && cuts < 10;
    return FaultProxy::Cut{cut ? ((++cuts % 3) << 20) + 700'000 : -1};
  });
  auto pulled = Pull(proxy.host() + "/big");
  ASSERT_TRUE(pulled) << pulled.error().ToString();
  EXPECT_EQ(proxy.cuts(), 10);
  EXPECT_EQ(layers_.stagings, 3) << "the unpacker does not notice, and no finished layer is fetched again";
  int64_t needed = static_cast<int64_t>(pulled->size + image.manifest.size());
  EXPECT_LE(proxy.passed_on() - needed, 10 << 20) << "of " << needed;
  auto unpacked = RunProgram("umoci", {"unpack", "--image", scratch_ / "layout:t", scratch_ / "bundle"});
  ASSERT_TRUE(unpacked) << unpacked.error().ToString();
  EXPECT_EQ(ListOverlay(layers_, *pulled, scratch_ / "merged"),
            ListTree(scratch_ / "bundle/rootfs", kUntimed));
}

TEST_F(Registry, APullSurvivesResets) {
  StartRegistry();
  TestImage image = BigImage();
  Push(image, "big");
  std::atomic<int> blobs = 0;
  FaultProxy proxy(server_->host(), [&](const std::string& head) {
    bool cut = head.find("/blobs/") != std::string::npos && ++blobs < 10;
    return FaultProxy::Cut{cut ? 3'000'000 : -1, /*reset=*/true};
  });
  auto pulled = Pull(proxy.host() + "/big");
  ASSERT_TRUE(pulled) << pulled.error().ToString();
  EXPECT_GT(proxy.cuts(), 0);
  EXPECT_EQ(layers_.stagings, 3);
}

// TLS settings of the registry hold for the registry, not for where it redirects to.
TEST_F(Registry, SkipVerifyDoesNotHoldForARedirectTarget) {
  MakeCertificate();
  StartRegistry();
  Push(RichImage(), "secure");
  FakeServer front([&](const FakeRequest& request) {
    return FakeResponse{307, {"Location: https://" + server_->host() + request.target}, ""};
  });
  // The settings make the client try TLS first; then it uses plain http.
  WriteHosts("registry.example", "server = \"http://" + front.host() + "\"\nskip_verify = true\nca = \"" +
                                     options_.certificate + "\"\n");
  auto distrusted = Pull("registry.example/secure");
  ASSERT_FALSE(distrusted);
  EXPECT_EQ(distrusted.error().code, Code::kUnavailable);
  EXPECT_THAT(distrusted.error().ToString(), HasSubstr(server_->host() + ": SSL certificate problem"));
  ExpectNothingLeft();
  WriteHosts(server_->host(), "ca = \"" + options_.certificate + "\"\n");
  auto pulled = Pull("registry.example/secure");
  EXPECT_TRUE(pulled) << pulled.error().ToString();
}

TEST_F(Registry, ADeadRegistryIsUnavailable) {
  StartRegistry();
  std::string host = server_->host();
  Push(RichImage(), "app");
  server_.reset();
  auto pulled = Pull(host + "/app");
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().code, Code::kUnavailable);
  EXPECT_THAT(pulled.error().ToString(), HasSubstr(host));
  ExpectNothingLeft();
}

}  // namespace
}  // namespace davit::images
