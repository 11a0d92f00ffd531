// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The methods of davit.v1.Images that verify and repair.

#include "cri/service/api_credentials.h"
#include "cri/service/carry_client.h"
#include "cri/service/entitlement.h"
#include "cri/service/field_limits.h"
#include "cri/service/images_api.h"

namespace davit::cri {
namespace {

constexpr int kMostImages = 1000;

api::LayerHealth::State StateOf(images::LayerHealth::State state) {
  switch (state) {
    case images::LayerHealth::State::kWhole:
      return api::LayerHealth::WHOLE;
    case images::LayerHealth::State::kUnknown:
      return api::LayerHealth::UNKNOWN;
    case images::LayerHealth::State::kDamaged:
      return api::LayerHealth::DAMAGED;
    case images::LayerHealth::State::kMissing:
      return api::LayerHealth::MISSING;
  }
  return api::LayerHealth::STATE_UNSPECIFIED;
}

api::ImageHealth ToMessage(const images::ImageHealth& health) {
  api::ImageHealth message;
  message.set_id(health.image.id);
  for (const std::string& tag : health.image.repo_tags) message.add_tags(tag);
  message.set_whole(health.IsWhole());
  message.set_incomplete(health.image.incomplete);
  for (const images::LayerHealth& layer : health.layers) {
    api::LayerHealth* out = message.add_layers();
    out->set_chain_id(layer.chain_id);
    out->set_state(StateOf(layer.state));
    out->set_entries(layer.findings.entries);
    out->set_bytes(layer.findings.bytes);
    out->set_problems(layer.findings.problems);
    for (const std::string& example : layer.findings.examples) out->add_examples(ToResponseText(example));
  }
  for (const std::string& digest : health.bad_blobs) message.add_bad_blobs(digest);
  for (const std::string& reason : health.bad_documents) message.add_bad_documents(ToResponseText(reason));
  return message;
}

Result<> Limit(const api::VerifyImagesRequest& request) {
  TRY(LimitCount("images", request.images_size(), kMostImages));
  for (const std::string& image : request.images()) TRY(RequireText("images", image, kMostReferenceBytes));
  return {};
}

}  // namespace

// If all images are verified, one that is removed meanwhile is skipped. If the client has named it,
// NOT_FOUND.
Result<> ImagesApi::VerifyImages(grpc::ServerContext& context, const api::VerifyImagesRequest& request,
                                 grpc::ServerWriter<api::VerifyImagesResponse>& writer) const {
  TRY(RequireEntitled(context));
  TRY(Limit(request));
  std::vector<std::string> names(request.images().begin(), request.images().end());
  bool all = names.empty();
  if (all)
    for (const images::ImageSummary& image : images_.List(images::Which::kAny)) names.push_back(image.id);
  CarryClient client(context);
  auto depth = request.quick() ? images::CheckDepth::kEntries : images::CheckDepth::kContents;
  images::CheckedLayers checked;
  for (const std::string& name : names) {
    auto health = images_.Verify(name, depth, client.interrupt(), checked);
    if (!health && all && health.error().code == Code::kNotFound) continue;
    api::VerifyImagesResponse message;
    *message.mutable_image() = ToMessage(TRY(client.Explain(std::move(health))));
    client.Write(writer, message);
  }
  return {};
}

grpc::Status ImagesApi::Verify(grpc::ServerContext* context, const api::VerifyImagesRequest* request,
                               grpc::ServerWriter<api::VerifyImagesResponse>* writer) {
  api::VerifyImagesResponse last;
  return Serve(edge_, CallClass::kPull, context, "Images.Verify",
               request->images_size() == 1 ? request->images(0) : "", &last,
               [&](Call&) -> Result<api::VerifyImagesResponse> {
                 TRY(VerifyImages(*context, *request, *writer));
                 return api::VerifyImagesResponse();
               });
}

Result<> ImagesApi::RepairImage(grpc::ServerContext& context, const api::RepairImageRequest& request,
                                grpc::ServerWriter<api::RepairImageResponse>& writer) const {
  TRY(RequireEntitled(context));
  TRY(RequireText("image", request.image(), kMostReferenceBytes));
  TRY(CheckSourceLimits(request.source_credentials()));
  CarryClient client(context);
  images::RepairRequest repair;
  repair.reference = request.image();
  repair.auths = ToAuths(request.source_credentials());
  repair.cancelled = [&client] { return !client.interrupt().Check(); };
  repair.on_found = [&](const images::ImageHealth& found) {
    api::RepairImageResponse message;
    *message.mutable_found() = ToMessage(found);
    client.Write(writer, message);
  };
  ProgressReporter reporter(SendTo<api::RepairImageResponse>(client, writer));
  repair.on_progress = [&reporter](auto progress) { reporter.Follow(std::move(progress)); };
  TRY(client.Explain(images_.Repair(repair)));
  return {};
}

grpc::Status ImagesApi::Repair(grpc::ServerContext* context, const api::RepairImageRequest* request,
                               grpc::ServerWriter<api::RepairImageResponse>* writer) {
  api::RepairImageResponse last;
  return Serve(edge_, CallClass::kPull, context, "Images.Repair", request->image(), &last,
               [&](Call&) -> Result<api::RepairImageResponse> {
                 TRY(RepairImage(*context, *request, *writer));
                 return api::RepairImageResponse();
               });
}

}  // namespace davit::cri
