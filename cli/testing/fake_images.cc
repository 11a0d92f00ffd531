// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/testing/fake_images.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <thread>

namespace davit::cli {
namespace {

constexpr char kDigest[] = "sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd";

void AddLayer(api::PullImageResponse& message, uint32_t index, api::LayerProgress::State state,
              int64_t received) {
  api::LayerProgress* layer = message.add_layers();
  layer->set_digest("sha256:" + std::string(64, static_cast<char>('a' + index)));
  layer->set_index(index);
  layer->set_state(state);
  layer->set_received(received);
  layer->set_size(2'000'000);
}

}  // namespace

void FakeImages::Add(const std::string& name) {
  std::lock_guard lock(mutex_);
  names_.insert(name);
}

void FakeImages::Remove(const std::string& name_or_id) {
  for (const std::string& name : names()) {
    if (name != name_or_id && IdOf(name) != name_or_id) continue;
    std::lock_guard lock(mutex_);
    names_.erase(name);
    return;
  }
}

bool FakeImages::Has(const std::string& name) const {
  std::lock_guard lock(mutex_);
  return names_.contains(name);
}

std::vector<std::string> FakeImages::names() const {
  std::lock_guard lock(mutex_);
  return {names_.begin(), names_.end()};
}

std::string FakeImages::IdOf(const std::string& name) const {
  std::vector<std::string> all = names();
  auto number = std::ranges::find(all, name) - all.begin() + 1;
  return "sha256:" + std::to_string(number) + std::string(63, '0');
}

std::vector<api::PullImageRequest> FakeImages::pulls() const {
  std::lock_guard lock(mutex_);
  return pulls_;
}

std::vector<std::string> FakeImages::calls() const {
  std::lock_guard lock(mutex_);
  return calls_;
}

api::Image FakeImages::ImageOf(const std::string& name) const {
  api::Image image;
  image.set_id(IdOf(name));
  image.add_tags("docker.io/library/" + name + ":latest");
  image.add_digests("docker.io/library/" + name + "@" + kDigest);
  image.set_size(1'000'000);
  image.set_disk_bytes(4'213'000);
  api::ImageLayer* layer = image.add_layers();
  layer->set_chain_id("sha256:" + std::string(64, 'b'));
  layer->set_disk_bytes(4'213'000);
  return image;
}

grpc::Status FakeImages::Pull(grpc::ServerContext* context, const api::PullImageRequest* request,
                              grpc::ServerWriter<api::PullImageResponse>* writer) {
  const std::string& name = request->reference();
  if (name.starts_with("missing"))
    return {grpc::StatusCode::NOT_FOUND, "pull " + name + ": no such manifest"};
  if (name.starts_with("private.test") && request->credentials().password() != "secret")
    return {grpc::StatusCode::UNAUTHENTICATED, "log in to private.test: it wants a user name and a password"};
  api::PullImageResponse begin;
  AddLayer(begin, 0, api::LayerProgress::EXISTS, 0);
  AddLayer(begin, 1, api::LayerProgress::DOWNLOADING, 500'000);
  writer->Write(begin);
  if (name.starts_with("slow")) {
    while (!context->IsCancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return {grpc::StatusCode::CANCELLED, "given up"};
  }
  Add(name);
  api::PullImageResponse end;
  AddLayer(end, 1, api::LayerProgress::DONE, 2'000'000);
  writer->Write(end);
  api::PullImageResponse result;
  result.mutable_image()->set_id(IdOf(name));
  result.mutable_image()->set_reference("docker.io/library/" + name + ":latest");
  result.mutable_image()->set_digest(kDigest);
  writer->Write(result);
  std::lock_guard lock(mutex_);
  pulls_.push_back(*request);
  return grpc::Status::OK;
}

grpc::Status FakeImages::List(grpc::ServerContext*, const api::ListImagesRequest* request,
                              grpc::ServerWriter<api::ListImagesResponse>* writer) {
  std::string digits = request->image();
  if (digits.starts_with("sha256:")) digits = digits.substr(7);
  for (const std::string& name : names()) {
    bool wanted =
        request->image().empty() || request->image() == name || IdOf(name).substr(7).starts_with(digits);
    if (!wanted) continue;
    api::ListImagesResponse message;  // one per image: a client has to join them
    *message.add_images() = ImageOf(name);
    writer->Write(message);
  }
  return grpc::Status::OK;
}

grpc::Status FakeImages::Inspect(grpc::ServerContext*, const api::InspectImageRequest* request,
                                 api::InspectImageResponse* response) {
  if (!Has(request->image())) return {grpc::StatusCode::NOT_FOUND, "find image " + request->image()};
  *response->mutable_image() = ImageOf(request->image());
  response->set_config(
      R"({"created":"2024-05-01T00:00:00Z","architecture":"amd64","os":"linux","config":{"Cmd":["sh"]},)"
      R"("rootfs":{"type":"layers","diff_ids":["sha256:1"]}})");
  response->set_manifest(R"({"schemaVersion":2})");
  api::HistoryEntry* entry = response->add_history();
  entry->set_created("2024-05-01T00:00:00Z");
  entry->set_created_by("ADD rootfs.tar /");
  entry->set_disk_bytes(4'213'000);
  entry = response->add_history();
  entry->set_created_by("ENV " + std::string(100, 'x'));
  entry->set_empty_layer(true);
  return grpc::Status::OK;
}

grpc::Status FakeImages::Tag(grpc::ServerContext*, const api::TagImageRequest* request,
                             api::TagImageResponse* response) {
  if (!Has(request->image())) return {grpc::StatusCode::NOT_FOUND, "find image " + request->image()};
  response->set_id(IdOf(request->image()));
  response->set_tag("docker.io/" + request->tag());
  std::lock_guard lock(mutex_);
  calls_.push_back("Tag " + request->image() + " " + request->tag());
  return grpc::Status::OK;
}

grpc::Status FakeImages::Untag(grpc::ServerContext*, const api::UntagImageRequest* request,
                               api::UntagImageResponse*) {
  if (!Has(request->tag())) return {grpc::StatusCode::NOT_FOUND, "find image " + request->tag()};
  std::lock_guard lock(mutex_);
  calls_.push_back("Untag " + request->tag());
  return grpc::Status::OK;
}

grpc::Status FakeImages::Usage(grpc::ServerContext*, const api::UsageRequest*, api::UsageResponse* response) {
  response->mutable_images()->set_total(5);
  response->mutable_images()->set_active(2);
  response->mutable_images()->set_total_bytes(16'430'000);
  response->mutable_images()->set_reclaimable_bytes(11'630'000);
  response->mutable_containers()->set_total(1);
  for (const std::string& name : names()) {
    auto* share = response->add_by_image();
    *share->mutable_image() = ImageOf(name);
    share->set_unique_bytes(213'000);
    share->set_shared_bytes(4'000'000);
  }
  return grpc::Status::OK;
}

grpc::Status FakeImages::Prune(grpc::ServerContext*, const api::PruneImagesRequest* request,
                               api::PruneImagesResponse* response) {
  for (const std::string& name : names()) {
    *response->add_removed() = ImageOf(name);
    if (!request->dry_run()) Remove(name);
  }
  response->set_reclaimed_bytes(4'213'000);
  std::lock_guard lock(mutex_);
  calls_.push_back(std::string("Prune") + (request->all() ? " all" : "") +
                   (request->dry_run() ? " dry" : ""));
  return grpc::Status::OK;
}

grpc::Status FakeImages::CheckCredentials(grpc::ServerContext*, const api::CheckCredentialsRequest* request,
                                          api::CheckCredentialsResponse*) {
  {
    std::lock_guard lock(mutex_);
    calls_.push_back("CheckCredentials " + request->registry() + " " + request->credentials().username());
  }
  if (request->credentials().password() == "secret") return grpc::Status::OK;
  return {grpc::StatusCode::UNAUTHENTICATED,
          "log in to " + request->registry() + ": the credentials were refused"};
}

}  // namespace davit::cli
