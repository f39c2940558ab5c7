// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {EvidenceAnchor} from "../src/EvidenceAnchor.sol";
import {Harness} from "./Harness.sol";

contract EvidenceAnchorTest is Harness {
    bytes32 internal constant KIND = keccak256("audit-log");
    address internal constant ALICE = address(0xa11ce);
    address internal constant BOB = address(0xb0b);

    EvidenceAnchor internal anchors;

    event EvidenceAnchored(
        address indexed submitter,
        bytes32 indexed kind,
        uint64 sequence,
        bytes32 root,
        uint32 policyVersion,
        uint32 leafCount
    );

    function setUp() public {
        vm.warp(START);
        anchors = new EvidenceAnchor();
    }

    function anchor(address sender, bytes32 kind, bytes32 root) internal returns (uint64) {
        bytes memory call = abi.encodeCall(EvidenceAnchor.anchor, (EvidenceAnchor.Batch(kind, 7, root, 3)));
        return abi.decode(done(sender, address(anchors), call), (uint64));
    }

    function anchorRefused(EvidenceAnchor.Batch memory batch, bytes memory why) internal {
        refused(ALICE, address(anchors), abi.encodeCall(EvidenceAnchor.anchor, (batch)), why);
    }

    function test_an_anchor_says_when_and_as_what() public {
        vm.warp(START + 5);
        vm.expectEmit(address(anchors));
        emit EvidenceAnchored(ALICE, KIND, 1, bytes32(uint256(1)), 7, 3);
        anchor(ALICE, KIND, bytes32(uint256(1)));
        EvidenceAnchor.Anchor memory found = anchors.anchorOf(ALICE, KIND, bytes32(uint256(1)));
        equal(found.anchoredAt, START + 5);
        equal(found.sequence, 1);
        equal(found.policyVersion, 7);
        equal(found.leafCount, 3);
    }

    function test_each_kind_of_each_submitter_is_numbered_by_itself() public {
        equal(anchor(ALICE, KIND, bytes32(uint256(1))), 1);
        equal(anchor(ALICE, KIND, bytes32(uint256(2))), 2);
        equal(anchor(ALICE, keccak256("consent"), bytes32(uint256(1))), 1);
        equal(anchor(BOB, KIND, bytes32(uint256(1))), 1);
        equal(anchor(ALICE, KIND, bytes32(uint256(3))), 3);
        equal(anchors.count(ALICE, KIND), 3);
        equal(anchors.count(BOB, KIND), 1);
        equal(anchors.count(OUTSIDER, KIND), 0);
        equal(anchors.anchorOf(BOB, KIND, bytes32(uint256(2))).anchoredAt, 0);
    }

    function test_a_root_is_anchored_once() public {
        bytes32 root = bytes32(uint256(1));
        anchor(ALICE, KIND, root);
        bytes memory why = abi.encodeWithSelector(EvidenceAnchor.AlreadyAnchored.selector, ALICE, KIND, root);
        anchorRefused(EvidenceAnchor.Batch(KIND, 8, root, 4), why);
        equal(anchors.count(ALICE, KIND), 1);
    }

    function test_a_batch_has_a_kind_a_root_and_a_bounded_number_of_leaves() public {
        bytes32 root = bytes32(uint256(1));
        uint32 limit = anchors.MAX_LEAVES();
        anchorRefused(EvidenceAnchor.Batch(0, 7, root, 3), refusal(EvidenceAnchor.ZeroKind.selector));
        anchorRefused(EvidenceAnchor.Batch(KIND, 7, 0, 3), refusal(EvidenceAnchor.ZeroRoot.selector));
        anchorRefused(EvidenceAnchor.Batch(KIND, 7, root, 0), refusal(EvidenceAnchor.NoLeaves.selector));
        bytes memory why = refusal(EvidenceAnchor.TooManyLeaves.selector, uint256(limit) + 1, limit);
        anchorRefused(EvidenceAnchor.Batch(KIND, 7, root, limit + 1), why);
        done(
            ALICE, address(anchors), abi.encodeCall(EvidenceAnchor.anchor, (EvidenceAnchor.Batch(KIND, 7, root, limit)))
        );
    }

    function testFuzz_sequences_have_no_gap(bytes32[8] memory roots, bool[8] memory byAlice) public {
        uint64 ofAlice;
        uint64 ofBob;
        for (uint256 i = 0; i < roots.length; ++i) {
            bytes32 root = keccak256(abi.encode(roots[i], i));
            if (byAlice[i]) equal(anchor(ALICE, KIND, root), ++ofAlice);
            else equal(anchor(BOB, KIND, root), ++ofBob);
        }
        equal(anchors.count(ALICE, KIND), ofAlice);
        equal(anchors.count(BOB, KIND), ofBob);
    }
}
