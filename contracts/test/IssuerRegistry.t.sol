// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {BabyJubJub} from "../src/BabyJubJub.sol";
import {IssuerRegistry} from "../src/IssuerRegistry.sol";
import {Harness} from "./Harness.sol";
import {TestKeys} from "./TestKeys.sol";

contract IssuerRegistryTest is Harness {
    address internal constant ISSUER = address(0x1550e5);

    event StatusPublished(uint256 indexed index, uint256 statusRoot, bytes flips);

    function setUp() public {
        deployRegistry(EMPTY_STATUS_ROOT);
    }

    function accrediting(IssuerRegistry.Accreditation memory accreditation) internal pure returns (bytes memory) {
        return abi.encodeCall(IssuerRegistry.accredit, (accreditation));
    }

    function accreditRefused(IssuerRegistry.Accreditation memory accreditation, bytes memory why) internal {
        decideRefused(address(registry), accrediting(accreditation), why);
    }

    function suspend(uint256 index) internal {
        done(members[2], address(registry), abi.encodeCall(IssuerRegistry.suspend, (index)));
    }

    function lift(uint256 index) internal {
        decide(address(registry), abi.encodeCall(IssuerRegistry.lift, (index)));
    }

    function end(uint256 index) internal {
        decide(address(registry), abi.encodeCall(IssuerRegistry.end, (index)));
    }

    function rotating(uint256 index, uint256 n) internal view returns (bytes memory) {
        (BabyJubJub.Point memory key, BabyJubJub.Point memory eighth) = TestKeys.key(n);
        return abi.encodeCall(IssuerRegistry.rotate, (index, key, eighth));
    }

    function publishing(uint256 expected, uint256 root, bytes memory flips) internal pure returns (bytes memory) {
        return abi.encodeCall(IssuerRegistry.publishStatus, (0, expected, root, flips));
    }

    function publish(uint256 expected, uint256 root, bytes memory flips) internal {
        done(ISSUER, address(registry), publishing(expected, root, flips));
    }

    function publishRefused(address sender, uint256 expected, uint256 root, bytes memory flips, bytes memory why)
        internal
    {
        refused(sender, address(registry), publishing(expected, root, flips), why);
    }

    function test_every_root_of_a_history_is_the_one_that_rust_computes() public {
        string memory json = vectors("registry.json");
        deployRegistry(vm.parseJsonUint(json, ".emptyStatusRoot"));
        equal(registry.root(), vm.parseJsonUint(json, ".emptyRoot"));
        equal(registry.EMPTY_ROOT(), vm.parseJsonUint(json, ".emptyRoot"));
        string[] memory operations = vm.parseJsonStringArray(json, ".operations");
        uint256[] memory entries = vm.parseJsonUintArray(json, ".entries");
        address[] memory issuers = vm.parseJsonAddressArray(json, ".issuers");
        uint256[] memory schemas = vm.parseJsonUintArray(json, ".schemas");
        uint256[] memory values = vm.parseJsonUintArray(json, ".values");
        uint256[] memory keys = vm.parseJsonUintArray(json, ".keys");
        uint256[] memory roots = vm.parseJsonUintArray(json, ".roots");
        for (uint256 i = 0; i < roots.length; ++i) {
            BabyJubJub.Point memory key = BabyJubJub.Point(keys[4 * i], keys[4 * i + 1]);
            BabyJubJub.Point memory eighth = BabyJubJub.Point(keys[4 * i + 2], keys[4 * i + 3]);
            bytes32 operation = keccak256(bytes(operations[i]));
            uint256 index = entries[i];
            if (operation == keccak256("accredit")) {
                IssuerRegistry.Accreditation memory accreditation =
                    IssuerRegistry.Accreditation(issuers[i], uint32(schemas[i]), uint40(values[i]), key, eighth);
                decide(address(registry), accrediting(accreditation));
            } else if (operation == keccak256("publish")) {
                uint256 expected = registry.entryAt(index).statusRoot;
                bytes memory call =
                    abi.encodeCall(IssuerRegistry.publishStatus, (index, expected, values[i], hex"000001"));
                done(issuers[i], address(registry), call);
            } else if (operation == keccak256("suspend")) {
                suspend(index);
            } else if (operation == keccak256("lift")) {
                lift(index);
            } else if (operation == keccak256("end")) {
                end(index);
            } else if (operation == keccak256("renew")) {
                decide(address(registry), abi.encodeCall(IssuerRegistry.renew, (index, uint40(values[i]))));
            } else {
                isTrue(operation == keccak256("rotate"));
                decide(address(registry), abi.encodeCall(IssuerRegistry.rotate, (index, key, eighth)));
            }
            equal(registry.root(), roots[i]);
        }
    }

    function test_the_consortium_alone_accredits_lifts_ends_rotates_and_renews() public {
        accredit(ISSUER, 1);
        bytes memory why = refusal(IssuerRegistry.NotConsortium.selector, members[0]);
        refused(members[0], address(registry), accrediting(request(ISSUER, 2)), why);
        refused(members[0], address(registry), abi.encodeCall(IssuerRegistry.lift, (0)), why);
        refused(members[0], address(registry), abi.encodeCall(IssuerRegistry.end, (0)), why);
        refused(members[0], address(registry), rotating(0, 2), why);
        refused(members[0], address(registry), abi.encodeCall(IssuerRegistry.renew, (0, type(uint40).max)), why);
    }

    function test_any_member_suspends_and_nobody_else() public {
        accredit(ISSUER, 1);
        bytes memory call = abi.encodeCall(IssuerRegistry.suspend, (0));
        refused(OUTSIDER, address(registry), call, refusal(IssuerRegistry.NotMember.selector, OUTSIDER));
        refused(ISSUER, address(registry), call, refusal(IssuerRegistry.NotMember.selector, ISSUER));
        suspend(0);
        equal(registry.root(), registry.EMPTY_ROOT());
        refused(members[0], address(registry), call, refusal(IssuerRegistry.EntryNotActive.selector, uint256(0)));
    }

    function test_a_suspension_lasts_until_it_is_lifted() public {
        accredit(ISSUER, 1);
        bytes memory lifting = abi.encodeCall(IssuerRegistry.lift, (0));
        decideRefused(address(registry), lifting, refusal(IssuerRegistry.EntryNotSuspended.selector, uint256(0)));
        uint256 before = registry.root();
        suspend(0);
        lift(0);
        isTrue(registry.root() != before);
        isTrue(registry.root() != registry.EMPTY_ROOT());
    }

    function test_an_ended_entry_stays_so() public {
        accredit(ISSUER, 1);
        end(0);
        equal(registry.root(), registry.EMPTY_ROOT());
        bytes memory why = refusal(IssuerRegistry.EntryHasEnded.selector, uint256(0));
        decideRefused(address(registry), abi.encodeCall(IssuerRegistry.end, (0)), why);
        decideRefused(address(registry), rotating(0, 2), why);
        decideRefused(address(registry), abi.encodeCall(IssuerRegistry.renew, (0, type(uint40).max)), why);
        publishRefused(ISSUER, EMPTY_STATUS_ROOT, 1, hex"000001", why);
        why = refusal(IssuerRegistry.EntryNotSuspended.selector, uint256(0));
        decideRefused(address(registry), abi.encodeCall(IssuerRegistry.lift, (0)), why);
        why = refusal(IssuerRegistry.EntryNotActive.selector, uint256(0));
        refused(members[0], address(registry), abi.encodeCall(IssuerRegistry.suspend, (0)), why);
    }

    function test_a_key_serves_once_for_a_schema() public {
        accredit(ISSUER, 1);
        bytes memory why = abi.encodeWithSelector(IssuerRegistry.KeyAlreadyAccredited.selector, SCHEMA);
        accreditRefused(request(OUTSIDER, 1), why);
        decideRefused(address(registry), rotating(0, 1), why);
        decide(address(registry), rotating(0, 2));
        // Not even when it is no longer in use.
        accreditRefused(request(OUTSIDER, 1), why);
        IssuerRegistry.Accreditation memory other = request(ISSUER, 1);
        ++other.schema;
        decide(address(registry), accrediting(other));
    }

    function test_keys_outside_the_prime_order_subgroup_are_refused() public {
        IssuerRegistry.Accreditation memory wrong = request(ISSUER, 1);
        wrong.key.x += FIELD_MODULUS;
        accreditRefused(wrong, refusal(BabyJubJub.CoordinateTooLarge.selector));
        wrong = request(ISSUER, 1);
        wrong.eighthOfKey.y += FIELD_MODULUS;
        accreditRefused(wrong, refusal(BabyJubJub.CoordinateTooLarge.selector));
        wrong = request(ISSUER, 1);
        wrong.key.y ^= 1;
        accreditRefused(wrong, refusal(BabyJubJub.NotOnCurve.selector));
        wrong = request(ISSUER, 1);
        wrong.eighthOfKey.x ^= 1;
        accreditRefused(wrong, refusal(BabyJubJub.NotOnCurve.selector));
        wrong = request(ISSUER, 1);
        (wrong.key.x, wrong.key.y) = (0, 1);
        (wrong.eighthOfKey.x, wrong.eighthOfKey.y) = (0, 1);
        accreditRefused(wrong, refusal(BabyJubJub.IdentityKey.selector));
        // The point of order 2.
        wrong.key.y = FIELD_MODULUS - 1;
        accreditRefused(wrong, refusal(BabyJubJub.IdentityKey.selector));
        // A key plus the point of order 2: on the curve, and no eighth of it exists.
        wrong = request(ISSUER, 1);
        wrong.key = TestKeys.add(wrong.key, BabyJubJub.Point(0, FIELD_MODULUS - 1));
        accreditRefused(wrong, refusal(BabyJubJub.NotInPrimeOrderSubgroup.selector));
        // An eighth of another key.
        wrong = request(ISSUER, 1);
        wrong.eighthOfKey = request(ISSUER, 2).eighthOfKey;
        accreditRefused(wrong, refusal(BabyJubJub.NotInPrimeOrderSubgroup.selector));
        equal(registry.entryCount(), 0);
    }

    function testFuzz_a_key_is_eight_times_its_eighth(uint256 n) public {
        vm.assume(n != 0);
        // The eighth may have a part outside the subgroup: eight times it has none.
        IssuerRegistry.Accreditation memory accreditation = request(ISSUER, n);
        BabyJubJub.Point memory ofOrder2 = BabyJubJub.Point(0, FIELD_MODULUS - 1);
        accreditation.eighthOfKey = TestKeys.add(accreditation.eighthOfKey, ofOrder2);
        decide(address(registry), accrediting(accreditation));
    }

    function test_an_accreditation_names_an_issuer_and_ends_in_the_future() public {
        IssuerRegistry.Accreditation memory wrong = request(address(0), 1);
        accreditRefused(wrong, refusal(IssuerRegistry.InvalidIssuer.selector));
        wrong = request(ISSUER, 1);
        wrong.accreditedUntil = uint40(START);
        bytes memory why = refusal(IssuerRegistry.AccreditationInPast.selector, START, START);
        accreditRefused(wrong, why);
        accredit(ISSUER, 1);
        decideRefused(address(registry), abi.encodeCall(IssuerRegistry.renew, (0, uint40(START))), why);
    }

    /// Where the entries' number stands: after the base contract's nodes.
    function entryCountSlot() internal view returns (bytes32 slot) {
        uint256 nodes = 3125 + 625 + 125 + 25 + 5;
        slot = bytes32(nodes + 2);
        isTrue(uint256(vm.load(address(registry), slot)) == registry.entryCount());
    }

    function test_the_registry_has_an_end() public {
        accredit(ISSUER, 1);
        uint256 capacity = registry.CAPACITY();
        vm.store(address(registry), entryCountSlot(), bytes32(capacity - 1));
        equal(registry.entryCount(), capacity - 1);
        accredit(ISSUER, 2);
        accreditRefused(request(ISSUER, 3), refusal(IssuerRegistry.RegistryFull.selector, capacity));
    }

    /// Gives the first entry its last version: it stands in its first word, behind issuer, schema and end.
    function exhaustVersions() internal {
        bytes32 slot = keccak256(abi.encode(entryCountSlot()));
        uint256 versions = uint256(type(uint16).max) << (160 + 32 + 40);
        vm.store(address(registry), slot, bytes32(uint256(vm.load(address(registry), slot)) | versions));
        equal(registry.entryAt(0).version, type(uint16).max);
    }

    function test_without_versions_left_an_entry_can_be_suspended_and_no_more() public {
        accredit(ISSUER, 1);
        exhaustVersions();
        bytes memory why = refusal(IssuerRegistry.VersionsExhausted.selector, uint256(0));
        decideRefused(address(registry), rotating(0, 2), why);
        suspend(0);
        equal(registry.root(), registry.EMPTY_ROOT());
        decideRefused(address(registry), abi.encodeCall(IssuerRegistry.lift, (0)), why);
        end(0);
    }

    function test_unknown_entries_are_refused() public {
        bytes memory why = refusal(IssuerRegistry.UnknownEntry.selector, uint256(0));
        refused(members[0], address(registry), abi.encodeCall(IssuerRegistry.suspend, (0)), why);
        decideRefused(address(registry), abi.encodeCall(IssuerRegistry.end, (0)), why);
        publishRefused(ISSUER, EMPTY_STATUS_ROOT, 1, hex"000001", why);
        refused(OUTSIDER, address(registry), abi.encodeCall(IssuerRegistry.entryAt, (0)), why);
    }

    function test_status_is_published_by_the_issuer_from_the_root_that_it_knows() public {
        accredit(ISSUER, 1);
        uint256 before = registry.root();
        bytes memory why = refusal(IssuerRegistry.NotIssuer.selector, OUTSIDER);
        publishRefused(OUTSIDER, EMPTY_STATUS_ROOT, 1, hex"000001", why);
        why = refusal(IssuerRegistry.StatusRootMismatch.selector, 1, EMPTY_STATUS_ROOT);
        publishRefused(ISSUER, 1, 2, hex"000001", why);
        why = refusal(IssuerRegistry.StatusRootTooLarge.selector);
        publishRefused(ISSUER, EMPTY_STATUS_ROOT, FIELD_MODULUS, hex"000001", why);
        vm.expectEmit(address(registry));
        emit StatusPublished(0, 2, hex"000001");
        publish(EMPTY_STATUS_ROOT, 2, hex"000001");
        isTrue(registry.root() != before);
        // The same publication again, from the root that was.
        why = refusal(IssuerRegistry.StatusRootMismatch.selector, EMPTY_STATUS_ROOT, 2);
        publishRefused(ISSUER, EMPTY_STATUS_ROOT, 2, hex"000001", why);
    }

    function test_a_suspended_issuer_still_revokes() public {
        accredit(ISSUER, 1);
        suspend(0);
        publish(EMPTY_STATUS_ROOT, 2, hex"000001");
        equal(registry.root(), registry.EMPTY_ROOT());
        equal(registry.entryAt(0).statusRoot, 2);
    }

    function many(uint256 count) internal pure returns (bytes memory flips) {
        flips = new bytes(3 * count);
        for (uint256 i = 0; i < count; ++i) {
            (flips[3 * i + 1], flips[3 * i + 2]) = (bytes1(uint8(i >> 8)), bytes1(uint8(i)));
        }
    }

    function test_flips_are_ascending_indices_of_a_bounded_number() public {
        accredit(ISSUER, 1);
        uint256 limit = registry.MAX_FLIPS();
        uint256 size = registry.STATUS_LIST_SIZE();
        flipsRefused("", refusal(IssuerRegistry.NoFlips.selector));
        flipsRefused(hex"0001", refusal(IssuerRegistry.MalformedFlips.selector, uint256(2)));
        flipsRefused(hex"000001000001", refusal(IssuerRegistry.FlipsNotAscending.selector, uint256(1)));
        flipsRefused(hex"000000000002000001", refusal(IssuerRegistry.FlipsNotAscending.selector, uint256(2)));
        flipsRefused(hex"020000", refusal(IssuerRegistry.FlipOutOfRange.selector, size, size));
        flipsRefused(hex"000001ffffff", refusal(IssuerRegistry.FlipOutOfRange.selector, 0xffffff, size));
        flipsRefused(many(limit + 1), refusal(IssuerRegistry.TooManyFlips.selector, limit + 1, limit));
        publish(EMPTY_STATUS_ROOT, 2, many(limit));
        publish(2, 3, hex"00000001ffff");
    }

    function flipsRefused(bytes memory flips, bytes memory why) internal {
        publishRefused(ISSUER, EMPTY_STATUS_ROOT, 2, flips, why);
    }

    function testFuzz_flips_are_taken_if_ascending_and_in_range(uint24[4] memory flips) public {
        accredit(ISSUER, 1);
        bool sound = flips[3] < registry.STATUS_LIST_SIZE();
        for (uint256 i = 1; i < 4; ++i) {
            sound = sound && flips[i - 1] < flips[i];
        }
        bytes memory packed = abi.encodePacked(flips[0], flips[1], flips[2], flips[3]);
        vm.prank(ISSUER);
        (bool ok,) = address(registry).call(publishing(EMPTY_STATUS_ROOT, 2, packed));
        isTrue(ok == sound);
    }

    function test_a_root_is_fresh_until_the_grace_after_its_replacement() public {
        accredit(ISSUER, 1);
        uint256 old = registry.root();
        // It stands for long before it is replaced: that does not use up the grace.
        vm.warp(START + 1000);
        isTrue(registry.isFresh(old, 0));
        publish(EMPTY_STATUS_ROOT, 2, hex"000001");
        uint256 current = registry.root();
        isTrue(registry.isFresh(old, 1));
        isTrue(!registry.isFresh(old, 0));
        vm.warp(START + 1100);
        isTrue(registry.isFresh(old, 100));
        isTrue(!registry.isFresh(old, 99));
        isTrue(registry.isFresh(current, 0));
        isTrue(!registry.isFresh(current + 1, type(uint256).max));
        (uint40 publishedAt, uint40 supersededAt) = registry.rootRecord(old);
        equal(publishedAt, START);
        equal(supersededAt, START + 1000);
        (publishedAt, supersededAt) = registry.rootRecord(current);
        equal(publishedAt, START + 1000);
        equal(supersededAt, 0);
    }

    function deployWith(uint256 statusRoot) external returns (IssuerRegistry) {
        return new IssuerRegistry(consortium, poseidon, statusRoot);
    }

    function test_the_empty_status_root_is_canonical() public {
        bytes memory call = abi.encodeCall(this.deployWith, (FIELD_MODULUS));
        refused(OUTSIDER, address(this), call, refusal(IssuerRegistry.StatusRootTooLarge.selector));
    }
}
